"""An SFTP server with a host key of its own, which can cut connections.

settings: root, log, user, password, authorized (path of a public key, optional), cut_after, cuts
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])
CUTS = [SETTINGS.get("cuts", 0)]


def note(**event: Any) -> None:
    with Path(SETTINGS["log"]).open("a") as log:
        log.write(json.dumps(event) + "\n")


class Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        note(login=username, how="password")
        return (username, password) == (SETTINGS["user"], SETTINGS["password"])

    def auth_completed(self) -> None:
        note(completed=True)


class Files(asyncssh.SFTPServer):
    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=SETTINGS["root"])
        self._channel = channel
        self._read = 0

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        note(offset=offset, size=size)
        self._read += size
        if CUTS[0] and self._read >= SETTINGS["cut_after"]:
            CUTS[0] -= 1
            self._channel.get_connection().abort()
        return super().read(file_obj, offset, size)


async def main() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        Login,
        "127.0.0.1",
        0,
        server_host_keys=[key],
        sftp_factory=Files,
        authorized_client_keys=SETTINGS.get("authorized"),
        allow_scp=False,
    )
    told = {"port": server.get_port(), "key": key.export_public_key().decode().strip()}
    print(json.dumps(told), flush=True)
    await server.wait_closed()


asyncio.run(main())
