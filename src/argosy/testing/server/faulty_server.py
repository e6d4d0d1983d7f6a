"""The server as a test holds it: files to place, faults to set, requests to look at."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote

from argosy.testing.server.body import Body
from argosy.testing.server.connection import Connection
from argosy.testing.server.conversation import Conversation
from argosy.testing.server.fault import Fault
from argosy.testing.server.listener import Listener
from argosy.testing.server.log import Log, RequestRecord
from argosy.testing.server.message import Headers
from argosy.testing.server.resource import AUTO, LONG_AGO, Resource
from argosy.testing.server.site import Site

DEFAULT_WAIT_S = 10.0


class FaultyServer:
    """A real HTTP/1.1 server on this machine that serves files rightly, or wrongly in just the way it is told.

    ::

        from argosy.testing.faults import Cut
        from argosy.testing.server import Body, FaultyServer

        with FaultyServer() as server:
            body = Body.generated(size=5_000_000, seed=1)
            url = server.add("/file.bin", body, faults=[Cut(after_bytes=1_000_000, reset=True, times=2)])
            my_engine.fetch(url, "file.bin")
            assert [record.range for record in server.requests] == [None, "bytes=1000000-", "bytes=2000000-"]
            assert server.bytes_sent("/file.bin") == body.size        # nothing was fetched twice

    It listens on a free port from ``start`` (or entering ``with``, ``async with``) until ``stop``, which leaves no
    thread, task or socket behind. Every method may be called from any thread. ``faults`` strike every path, before
    those of the path. Over ``ssl_context`` it speaks TLS; ``name`` is the host in URLs, if it is not ``host``.
    Of more than ``max_connections`` simultaneous connections each is reset. ``send_buffer_bytes`` bounds what the
    kernel holds for a client that has not read it, so that ``bytes_sent`` is close to what was received.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        name: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        faults: Sequence[Fault] = (),
        max_connections: int | None = None,
        send_buffer_bytes: int | None = None,
    ) -> None:
        self._site = Site(faults)
        self._log = Log()
        self._listener = Listener(
            self._converse,
            host=host,
            tls=ssl_context,
            max_connections=max_connections,
            send_buffer_bytes=send_buffer_bytes,
        )
        self._scheme = "https" if ssl_context else "http"
        self._name = name or (f"[{host}]" if ":" in host else host)

    def __repr__(self) -> str:
        state = f"listening on {self.origin}" if self._listener.running else "stopped"
        return f"<FaultyServer {state}, {len(self.requests)} requests>"

    # -- life -------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """It listens afterwards. A stopped server can be started again: same files, same log, same port."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Nothing of it is left afterwards; raises what went wrong inside, such as an error in a fault of yours."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.stop()
        except RuntimeError:
            if error is None:  # the error of the test itself says more
                raise

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, at)

    async def _converse(self, connection: Connection) -> None:
        with self._log.counted(None):
            number = self._log.next_connection()
            await Conversation(connection, number, self._site, self._log, self._listener.released).run()

    # -- files ------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on, kept when it is stopped; 0 before it was first started."""
        return self._listener.port

    @property
    def origin(self) -> str:
        """Scheme, host and port: ``http://127.0.0.1:40123``."""
        return f"{self._scheme}://{self._name}:{self.port}"

    def url(self, path: str) -> str:
        """Where ``path``, which is not percent-encoded, is; whether there is a file or not."""
        return self.origin + quote(path, safe="/=+:@;,~&!$'()*")

    def add(
        self,
        path: str,
        body: Body | bytes,
        *,
        etag: str | None = AUTO,
        last_modified: datetime | str | None = LONG_AGO,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | Headers = (),
        faults: Sequence[Fault] = (),
    ) -> str:
        """There is a file at ``path``, which begins with ``/`` and is not percent-encoded; answers its URL.

        ``etag`` is quoted for you; None leaves a validator out. ``headers`` come with every 200, 206 and 304.
        """
        if not path.startswith("/"):
            raise ValueError(f"a path begins with '/': {path!r}")
        described = Resource.of(
            body, etag=etag, last_modified=last_modified, content_type=content_type, headers=headers
        )
        self._site.put(path, described, faults)
        return self.url(path)

    def replace(
        self,
        path: str,
        body: Body | bytes,
        etag: str | None = AUTO,
        *,
        last_modified: datetime | str | None = LONG_AGO,
    ) -> None:
        """The file is another version for every request from now on; answers under way end with the old one."""
        old = self._site.resource(path)
        new = Resource.of(body, etag=etag, last_modified=last_modified)
        self._site.replace(path, Resource(new.body, new.etag, new.last_modified, old.content_type, old.headers))

    def set_faults(self, path: str, *faults: Fault) -> None:
        """From the next request on ``path`` has just these faults."""
        self._site.set_faults(path, faults)

    def remove(self, path: str) -> None:
        """The file is gone: 404."""
        self._site.remove(path)

    # -- what happened ----------------------------------------------------------------------------------------
    # Whatever a client has received when one of these is called is in what they tell.

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request so far, in order."""
        self._listener.settle()
        return self._log.records()

    def requests_to(self, path: str) -> list[RequestRecord]:
        """The requests for one path, in order."""
        self._listener.settle()
        return self._log.records(path)

    def bytes_sent(self, path: str | None = None) -> int:
        """How many bytes of bodies were sent, for one path or all."""
        self._listener.settle()
        return sum(record.bytes_sent for record in self._log.records(path))

    def connections_open(self, path: str | None = None) -> int:
        """How many connections are open now; with ``path``, on how many an answer for it is under way."""
        self._listener.settle()
        return self._log.open_now(path)

    def max_open(self, path: str | None = None) -> int:
        """The most ``connections_open`` has been."""
        return self._log.most_open(path)

    @property
    def connections(self) -> int:
        """How many connections were accepted, open or not."""
        return self._log.connections()

    def wait_for_requests(
        self, count: int, timeout_s: float = DEFAULT_WAIT_S, *, path: str | None = None
    ) -> list[RequestRecord]:
        """The requests, as soon as there are ``count``; raises ``TimeoutError``."""
        self.wait_until(lambda: len(self._log.records(path)) >= count, timeout_s)
        return self._log.records(path)

    def wait_for_bytes(self, count: int, timeout_s: float = DEFAULT_WAIT_S, *, path: str | None = None) -> None:
        """At least ``count`` bytes of bodies were sent; raises ``TimeoutError``."""
        self.wait_until(lambda: self.bytes_sent(path) >= count, timeout_s)

    def wait_until_idle(self, timeout_s: float = DEFAULT_WAIT_S) -> list[RequestRecord]:
        """The requests, as soon as every answer has ended; raises ``TimeoutError``."""
        self.wait_until(lambda: all(record.ended_s is not None for record in self.requests), timeout_s)
        return self.requests

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = DEFAULT_WAIT_S) -> None:
        """``condition`` is true, looked at after every request, piece sent and connection; raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._log.version()
            if condition():
                return
            if not self._log.wait_for_change(seen, max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"not within {timeout_s} s; {self!r}")

    # -- the network ------------------------------------------------------------------------------------------

    def release(self) -> None:
        """Every stall that would last until the server stops is over, and so are those to come."""
        self._listener.release()

    def drop_connections(self) -> None:
        """Every open connection is reset; new ones are accepted."""
        self._listener.reset_all()

    def go_down(self) -> None:
        """Every open connection is reset and new ones are refused, until ``come_up``."""
        self._listener.close_door()

    def come_up(self) -> None:
        """It listens again, at the same port."""
        self._listener.open_door()
