"""Tasks, files and changes to test a store with."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from argosy.core.checksum import Checksum
from argosy.core.events import StatusChanged
from argosy.core.pieces import Pieces
from argosy.core.types import FileSpec, FileState, FileStatus, Queue, Status, Task, TaskSpec, TransferOptions, Want
from argosy.errors import Failure
from argosy.store.port import Change, Tally

T0 = 1_800_000_000.25
_serial = count(1)


def make_task(**known: object) -> Task:
    """Return a new task like no other, with these fields."""
    serial = next(_serial)
    spec = TaskSpec(f"https://example.org/{serial}.bin", "/downloads", (FileSpec((f"https://example.org/{serial}",)),))
    plain = Task(f"{serial:032x}", spec, T0, T0, rank=float(serial), queued_at=T0 + serial, host="example.org:443")
    return replace(plain, **known)  # type: ignore[arg-type]


def full_task() -> Task:
    """Return a task in which no field has its default, so that one that is not kept is seen."""
    checksum = Checksum("sha256", "ab" * 32)
    spec = TaskSpec(
        "https://user:geheim@example.org/Ünï\udcff.bin",
        "/downloads/Übung\udce4",
        (
            FileSpec(
                ("https://a.example/x", "ftp://b.example/x"),
                "sub/ü\udcfc.bin",
                12,
                checksum,
                '"ä"',
                Pieces("md5", 8, "0" * 64),
            ),
        ),
        full_options(),
        "curl",
        "https://user:geheim@example.org/told",
        ("*.jsön",),
        ("sub-01/",),
    )
    error = Failure("busy", "503", "später", retryable=True, exit_code=5, retry_after_s=1.1)
    return make_task(
        spec=spec,
        created_at=T0 + 0.1,
        updated_at=T0 + 0.3,
        version=7,
        status=Status.RUNNING,
        queue=Queue.INTERACTIVE,
        priority=-3,
        rank=0.1 + 0.2,
        queued_at=T0 + 1 / 3,
        host="exämple.org:443",
        session="s\udc80",
        key="key\uffff",
        want=Want.CANCEL,
        owner="worker",
        fence=9,
        lease_until=T0 + 30.7,
        pid=4711,
        attempt=2,
        max_retries=9,
        due_at=T0 - 1,
        error=error,
        name="nam\udcfce",
        received=2**53 + 1,
        mark=17,
        total=2**62,
        files_total=5,
        files_done=3,
        speed_bps=1e6 / 3,
        connections=4,
        started_at=T0 + 2,
        finished_at=T0 + 3,
        warning="stalled",
    )


def full_options() -> TransferOptions:
    return TransferOptions(
        connections=3,
        headers=(("X-One", "1"), ("X-Two", "2")),
        user_agent="me",
        referer="https://r.example",
        user="name:password",
        cookie="a=b",
        cookie_file="/c",
        netrc=False,
        netrc_file="/n",
        proxy="",
        ca_file="/ca",
        insecure=True,
        client_cert="/cc",
        client_key="/ck",
        http_version="2",
        limit_bps=5,
        connect_timeout_s=1.5,
        stall_timeout_s=2,
        if_exists="newer",
        keep_time=False,
        allow_html=True,
        sidecar="auto",
        file_retries=0,
    )


def full_file(task: Task, index: int = 0) -> FileState:
    return FileState(
        task_id=task.id,
        index=index,
        urls=("https://a.example/ü", "https://b.example/"),
        path="sub/\udcfc.bin",
        size=2**40,
        checksum=Checksum("md5", "0f" * 16),
        status=FileStatus.PUBLISHING,
        part=".x.part",
        published="x (1).bin",
        received=2**41,
        extents=((0, 7), (2**33, 2**40)),
        block_size=4 << 20,
        block_hashes=bytes(range(256)),
        part_mtime_ns=1_800_000_000_123_456_789,
        memo='{"π": 1}',
        etag='"ä"',
        last_modified="Mon, 23 Nov 2026 00:00:00 GMT",
        date_is_strong=True,
        content_type="text/plain",
        resumable=False,
        attempts=3,
        error=Failure("network", "reset", retryable=True),
        verified_by="sha256",
    )


def moved(task: Task, to: Status, **known: object) -> Change:
    """Return the change of the task to another status, with its event."""
    after = replace(task, status=to, updated_at=task.updated_at + 1, **known)  # type: ignore[arg-type]
    return Change(task, after, (StatusChanged(task.id, task.status, to, "test"),))


def claimed(task: Task, owner: str = "w1", until: float = T0 + 30) -> Change:
    return moved(task, Status.SCHEDULED, owner=owner, fence=task.fence + 1, lease_until=until)


def tally(received: int = 5, name: str | None = None) -> Tally:
    return Tally(received, 10, 1, 2, 3.5, 4, name)
