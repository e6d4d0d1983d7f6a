"""Somebody else's server that is told things: remembers every message and answers as it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook

Reaction = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Message:
    """One request as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """What it says, once an independent library has found its signature good."""
        return Webhook(secret).verify(self.body, dict(self.headers))


def status(code: int, **headers: str) -> Reaction:
    """Answer with a status, without a body."""

    def react(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return react


@dataclass
class Receiver:
    """Listens on 127.0.0.1 within ``with``. Reactions are used up one by one; ``otherwise`` is for all that come after."""

    reactions: list[Reaction] = field(default_factory=list)
    otherwise: Reaction = field(default_factory=lambda: status(204))
    messages: list[Message] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Set at the end, so that a reaction that hangs lets go."""

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                react = receiver.reactions.pop(0) if receiver.reactions else receiver.otherwise
                receiver.messages.append(Message(self.path, named, body))
                react(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]
