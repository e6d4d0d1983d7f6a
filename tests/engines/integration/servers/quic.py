"""An HTTP/3 server for the files of one folder, with ranges.

settings: root, log, certificate, key
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])


def note(**event: Any) -> None:
    with Path(SETTINGS["log"]).open("a") as log:
        log.write(json.dumps(event) + "\n")


class Server(QuicConnectionProtocol):
    http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is not None:
            for told in self.http.handle_event(event):
                if isinstance(told, HeadersReceived):
                    self.answer(told.stream_id, dict(told.headers))

    def answer(self, stream: int, headers: dict[bytes, bytes]) -> None:
        assert self.http is not None
        path, asked = headers[b":path"].decode(), headers.get(b"range", b"").decode()
        note(path=path, range=asked, agent=headers.get(b"user-agent", b"").decode())
        body = (Path(SETTINGS["root"]) / path.lstrip("/")).read_bytes()
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        first, last = (int(span[1]), int(span[2] or len(body) - 1)) if span else (0, len(body) - 1)
        last = min(last, len(body) - 1)
        fields = [(b"content-length", b"%d" % (last - first + 1)), (b"etag", b'"v1"')]
        if span:
            fields.append((b"content-range", b"bytes %d-%d/%d" % (first, last, len(body))))
        self.http.send_headers(stream, [(b":status", b"206" if span else b"200"), *fields])
        self.http.send_data(stream, body[first : last + 1], end_stream=True)
        self.transmit()


async def main() -> None:
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(SETTINGS["certificate"], SETTINGS["key"])
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Server)
    assert server._transport is not None
    port = server._transport.get_extra_info("sockname")[1]
    print(json.dumps({"port": port}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
