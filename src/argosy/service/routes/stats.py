"""``/v1/stats``: the whole queue in a few numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.requests import Request

from argosy.core.document import iso_time
from argosy.core.types import ACTIVE, WAITING, Progress
from argosy.service.answering.answer import encoded, shown
from argosy.service.asking.route import Strict
from argosy.service.context import Context
from argosy.service.description.schema import problems
from argosy.store.port import Query
from argosy.value import dataclass

router = APIRouter(tags=["stats"], route_class=Strict)
MOST_ACTIVE = 1000


@dataclass(frozen=True, slots=True)
class HostLoad:
    """What is going on with one host."""

    host: Annotated[str, Field(examples=["example.org:443"])]
    active: int
    connections: int
    speed_bps: int


@dataclass(frozen=True, slots=True)
class WorkerDocument:
    """A process that runs tasks of this queue. ``serves_queue``: not only those of one foreground command."""

    id: str
    host: str
    pid: int
    seen_at: str
    serves_queue: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """``counts`` are of all tasks by status; ``active`` have a worker, ``waiting`` would like one."""

    counts: dict[str, int]
    total: int
    active: int
    waiting: int
    connections: int
    speed_bps: int
    hosts: list[HostLoad]
    workers: list[WorkerDocument]
    seq: int


@router.get("/v1/stats", operation_id="getStats", response_model=Stats, responses=problems())
async def get(request: Request, service: Context) -> Response:
    """Return how many tasks there are of each status, what the hosts are busy with, and who works."""
    runtime = service.runtime
    counts = await runtime.counts()
    busy: defaultdict[str, list[Progress]] = defaultdict(list)
    for task in await runtime.tasks(Query(statuses=ACTIVE, limit=MOST_ACTIVE)):
        busy[task.host].append(runtime.progress_of(task))
    hosts = [
        HostLoad(host, len(each), sum(one.connections for one in each), round(sum(one.smoothed_bps for one in each)))
        for host, each in sorted(busy.items())
    ]
    workers = [
        WorkerDocument(worker.id, worker.host, worker.pid, iso_time(worker.seen_at), worker.serves_queue)
        for worker in await runtime.store.workers()
    ]
    stats = Stats(
        counts={status.value: count for status, count in counts.items()}, total=sum(counts.values()),
        active=sum(counts[status] for status in ACTIVE), waiting=sum(counts[status] for status in WAITING),
        connections=sum(host.connections for host in hosts), speed_bps=sum(host.speed_bps for host in hosts),
        hosts=hosts, workers=workers, seq=await runtime.store.last_seq(),
    )  # fmt: skip
    return shown(request, encoded(stats))
