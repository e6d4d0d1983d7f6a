"""A bucket: as much of S3 as a public one is asked for, with the trouble that real ones make."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass
class Bucket:
    """What is in it, and how it behaves."""

    objects: dict[str, bytes] = field(default_factory=dict)
    page: int = 1000
    url: str = ""
    busy: list[str] = field(default_factory=list)
    """The next requests whose path begins so are told to slow down, once for each entry."""
    missing: set[str] = field(default_factory=set)
    """Keys that are listed and are not there."""
    etags: dict[str, str] = field(default_factory=dict)
    answer: bytes | None = None
    """What every listing is answered with, if not with what is there."""
    answered_etag: str | None = None
    """What every object's answer says instead of what the listing does."""
    after_page: Callable[[], None] = lambda: None
    fetched: list[str] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def source(self) -> str:
        return f"s3://data/?endpoint={self.url}"

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def etag(self, key: str) -> str:
        return self.etags.get(key) or f'"{hashlib.md5(self.objects[key]).hexdigest()}"'

    def listing(self, query: dict[str, list[str]]) -> bytes:
        if self.answer is not None:
            return self.answer
        prefix, after = (query.get(name, [""])[0] for name in ("prefix", "continuation-token"))
        most = min(self.page, int(query.get("max-keys", ["1000"])[0]))
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        rows = "".join(
            f"<Contents><Key>{quote(key)}</Key><ETag>{escape(self.etag(key))}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in keys[:most]
        )
        more = len(keys) > most
        token = f"<NextContinuationToken>{escape(keys[most - 1])}</NextContinuationToken>" if more else ""
        self.after_page()
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A bucket called ``data`` on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with held.lock:
                held.open += 1
                held.most_open = max(held.most_open, held.open)

        def finish(self) -> None:
            with held.lock:
                held.open -= 1
            super().finish()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            key = unquote(parts.path).removeprefix("/data").removeprefix("/")
            with held.lock:
                busy = next((each for each in held.busy if unquote(parts.path).startswith(each)), None)
                if busy is not None:
                    held.busy.remove(busy)
            if busy is not None:
                self._send(503, b"<Error><Code>SlowDown</Code></Error>", {"Retry-After": "0"})
            elif "list-type" in parts.query:
                self._send(200, held.listing(parse_qs(parts.query)), {"Content-Type": "application/xml"})
            elif key in held.missing or key not in held.objects:
                self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"})
            else:
                held.fetched.append(key)
                self._object(held.objects[key], held.answered_etag or held.etag(key))

        def _object(self, body: bytes, etag: str) -> None:
            about = {"ETag": etag, "Accept-Ranges": "bytes", "Last-Modified": "Sat, 03 Jan 2026 10:00:00 GMT"}
            wanted = self.headers.get("Range", "")
            if wanted.startswith("bytes=") and body:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), min(int(last or len(body) - 1), len(body) - 1)
                self._send(206, body[start : end + 1], about | {"Content-Range": f"bytes {start}-{end}/{len(body)}"})
            else:
                self._send(200, body, about)

        def _send(self, status: int, body: bytes, about: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in about.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that is killed hangs up as it likes."""

    held = Bucket()
    with Server(("127.0.0.1", 0), Handler) as server:
        held.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
