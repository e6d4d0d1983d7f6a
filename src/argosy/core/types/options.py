"""How to transfer: all that may be chosen of a task."""

from __future__ import annotations

from dataclasses import field
from typing import Final, Literal

from argosy.value import dataclass

IfExists = Literal["rename", "overwrite", "skip", "newer", "fail"]
"""What to do when the target exists: a numbered name, replace it, leave it, replace it only if the server's
is newer, or fail."""
USUAL_CONNECTIONS: Final = 8
"""For a file, unless somebody says how many."""
MOST_CONNECTIONS: Final = 32
"""For a file of which each further connection brings as much as those before it, likewise."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How to transfer; every field has the default of a careful person.

    ``limit_bps`` caps this task; ``connections`` is the most one file may use; 0: the usual number, and more where each of
    them brings as much as those before it. Secrets (``headers``, ``user``,
    ``cookie``, ``proxy`` userinfo) are kept in the store only and never shown.
    """

    connections: int = 0
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str | None = None
    referer: str | None = None
    user: str | None = field(default=None, repr=False)
    """``name:password`` for HTTP, FTP or SFTP."""
    cookie: str | None = field(default=None, repr=False)
    """A ``Cookie`` header's value."""
    cookie_file: str | None = None
    """A Netscape cookie file to read."""
    netrc: bool = True
    netrc_file: str | None = None
    proxy: str | None = field(default=None, repr=False)
    """``http://``, ``socks5h://`` …; ``""`` means none even if the environment names one."""
    ca_file: str | None = None
    insecure: bool = False
    client_cert: str | None = None
    client_key: str | None = None
    http_version: Literal["auto", "1.1", "2", "3"] = "auto"
    limit_bps: int | None = None
    connect_timeout_s: float = 20.0
    stall_timeout_s: float = 30.0
    if_exists: IfExists = "rename"
    keep_time: bool = True
    """Give the file the server's Last-Modified time."""
    allow_html: bool = False
    """Take a web page even where the name promises something else."""
    sidecar: str | None = None
    """URL of a ``SHA256SUMS``-style list to take the expected checksum from, or ``auto``."""
    file_retries: int = 3
    """How often one file of a task with several is tried again on its own."""
    quality: str = "best"
    """Of streams and videos: ``best``, ``worst``, ``720p`` (at most), or bits a second such as ``2M`` (at most)."""
    record_s: float | None = None
    """Seconds after which the recording of a live stream is complete; None: when it ends."""
    subtitles: tuple[str, ...] = ()
    """Of a stream or video page: the languages whose subtitles are wanted beside each video, such as ``en``; ``all``: every
    one."""
    languages: tuple[str, ...] = ()
    """Of a stream with several sound tracks: the languages that are wanted, such as ``en``, or ``all``; none: its default."""
    join: bool = True
    """Put a stream's picture and sound into one file, if that can be done here; else each becomes a file."""
    remux: bool = True
    """Put a stream that comes as an MPEG transport stream into an MP4, if that can be done here; else it stays as it came."""
    thumbnail: bool = False
    """Whether the picture that a page shows for a video is wanted beside it."""
    public_only: bool = False
    """Refuse addresses that are not on the public Internet, but for the networks the settings allow: for tasks that
    came from somebody else than the machine's owner."""

    @property
    def first_connections(self) -> int:
        """Return how many connections a file may use whatever each of them brings."""
        return self.connections or USUAL_CONNECTIONS

    @property
    def most_connections(self) -> int:
        """Return how many connections a file may use at most."""
        return self.connections or MOST_CONNECTIONS
