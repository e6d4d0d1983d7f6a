"""An FTP server that can cut the data connection, refuse REST, and speak TLS.

settings: root, log, user, password, cut_after (bytes of each transfer, 0: never), cuts (how often), rest (bool), bytes_per_s
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
from pyftpdlib.servers import FTPServer

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])
CUTS = [SETTINGS.get("cuts", 0)]


def note(**event: Any) -> None:
    with Path(SETTINGS["log"]).open("a") as log:
        log.write(json.dumps(event) + "\n")


class Data(ThrottledDTPHandler):  # type: ignore[misc]
    """Cuts the first transfers after so many bytes."""

    ac_out_buffer_size = 16 * 1024
    write_limit = SETTINGS.get("bytes_per_s", 0)

    def initiate_send(self) -> None:
        super().initiate_send()
        if CUTS[0] and self.tot_bytes_sent >= SETTINGS["cut_after"]:
            CUTS[0] -= 1
            self.cmd_channel.close()
            self.close()


class Control(FTPHandler):  # type: ignore[misc]
    dtp_handler = Data
    use_sendfile = False

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        note(command=cmd, argument=arg if cmd != "PASS" else "")
        super().pre_process_command(line, cmd, arg)

    def ftp_REST(self, line: str) -> None:
        if SETTINGS.get("rest", True):
            super().ftp_REST(line)
        else:
            self.respond("502 REST is not known here.")


def main() -> None:
    logging.disable()
    authorizer = DummyAuthorizer()
    authorizer.add_user(SETTINGS["user"], SETTINGS["password"], SETTINGS["root"])
    authorizer.add_anonymous(SETTINGS["root"])
    Control.authorizer = authorizer
    Control.auth_failed_timeout = 0
    server = FTPServer(("127.0.0.1", 0), Control)
    print(json.dumps({"port": server.address[1]}), flush=True)
    server.serve_forever(handle_exit=True)


main()
