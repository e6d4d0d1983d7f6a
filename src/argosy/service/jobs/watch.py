"""A job told over a WebSocket, from where it stands when the client comes until it has ended.

Every message tells all there is to know of the job, so the newest is always enough: a client that comes back after a cut
has missed nothing, one that is slow gets fewer of them, and nothing is kept for either. A message that is due for no other
reason is due as a heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from argosy.core.events import StatusChanged
from argosy.core.types import Progress, TaskId
from argosy.errors import DiskFull, StoreError, UnknownTask
from argosy.service.jobs import contract
from argosy.service.jobs.view import View, Views, encoded
from argosy.service.live.allowance import Allowance
from argosy.service.live.filter import Filter
from argosy.service.live.item import Batch
from argosy.service.live.live import Line, Live
from argosy.service.live.socket import TRY_LATER, Gone, Socket, send, told
from argosy.service.results.link import Links
from argosy.service.results.results import Results

DONE, POLICY, RESTART, UNKNOWN_JOB = 1000, 1008, 1012, 4404
FILES_S: Final = 0.5
"""What has become of the files is looked up so often while the job runs, and whenever its status changes."""
FILES_EACH_S: Final = 0.0005
"""And for each of the job's files so much less often."""
BYTES_PER_S: Final = 256 * 1024
"""To one client about, changes of status aside: the messages of a job of many files are long."""
FRAMES_PER_S, FRAMES_AT_ONCE = 5.0, 50.0


class Watch:
    """One client of one job. ``now`` is steady time, ``links`` makes those of a message."""

    def __init__(
        self,
        job_id: TaskId,
        live: Live,
        line: Line,
        socket: Socket,
        views: Views,
        results: Results,
        progress: Callable[[TaskId], Progress | None],
        links: Callable[[], Links],
        now: Callable[[], float],
    ) -> None:
        self._job_id = job_id
        self._live = live
        self._line = line
        self._socket = socket
        self._views = views
        self._results = results
        self._progress = progress
        self._links = links
        self._now = now
        self._changed_s = now()
        """When the job's status was last heard to change: what was read before is not good any more."""
        self._news = False
        self._sent_s = 0.0
        self._pause_s = 0.0
        self._percent = 0.0
        self._gone = False
        self._spent = False

    async def run(self) -> None:
        """Tell until the job has ended or one of the two goes."""
        listening = asyncio.create_task(self._listen())
        try:
            async with told(self._live, self._line, self._socket):
                with self._live.attach(Filter(tasks=frozenset({self._job_id})), None, self._line.bell) as mailbox:
                    code, reason = await self._tell(mailbox.take)
                await self._socket.close(code, reason)
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        """A client has nothing to say, but may say it to keep a proxy from thinking that the line is dead."""
        allowance = Allowance(FRAMES_PER_S, FRAMES_AT_ONCE, self._now())
        while not self._spent and await self._socket.receive() is not None:
            self._spent = not allowance.spend(self._now())
        self._gone = not self._spent
        self._line.bell.set()

    # -- telling -----------------------------------------------------------------------------------

    async def _tell(self, take: Callable[[], Any]) -> tuple[int, str]:
        """Return how to close."""
        try:
            ended = await self._say(first=True)
            while not ended:
                self._line.bell.clear()
                await self._hear(take)
                if self._gone:
                    raise Gone
                if self._spent:
                    return POLICY, "too many messages a second"
                if self._live.closing is not None:
                    return RESTART, self._live.closing.reason
                if self._due():
                    ended = await self._say()
                else:
                    await self._rest()
        except UnknownTask as error:
            await self._send(
                {"type": "error", "job_id": self._job_id, "code": error.detail_code, "error": error.message}
            )
            return UNKNOWN_JOB, "there is no such job"
        except (StoreError, DiskFull) as error:
            return TRY_LATER, error.message
        return DONE, "the job has ended"

    async def _hear(self, take: Callable[[], Any]) -> None:
        """Take what has happened since."""
        while (heard := await take()) is not None:
            self._news = True
            if not isinstance(heard, Batch) or any(isinstance(item.inner, StatusChanged) for item in heard.items):
                self._changed_s, self._pause_s = self._now(), 0.0

    def _due(self) -> bool:
        return self._now() >= self._next_s

    @property
    def _next_s(self) -> float:
        """When the next message is due as things stand."""
        return self._sent_s + (self._pause_s if self._news else self._live.heartbeat_s)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._next_s - self._now())):
                await self._line.bell.wait()
        except TimeoutError:
            return

    async def _say(self, *, first: bool = False) -> bool:
        """Say how the job is; return whether that was the last word on it."""
        self._news = False
        view = await self._view()
        links = self._links()
        results = await view.results(links, self._results)
        state = contract.state_of(view.task)
        progress = self._steadied(view)
        message = {
            "type": "progress",
            "job_id": self._job_id,
            "completed": progress["completed"],
            "total": progress["total"],
            "current_file": progress.get("current_file"),
            "progress_percent": progress["percent"],
            "status": state,
            "progress": progress,
        }
        if first:
            message["snapshot"] = True
        ended = state in contract.ENDED
        if ended and not first:
            message["type"] = state
        await self._send(message, results)
        if ended and first:
            await self._send(message | {"type": state}, results)
        return ended

    async def _view(self) -> View:
        view = await self._views.take(self._job_id, self._changed_s)
        if view.task.active and self._now() - view.taken_s > FILES_S + FILES_EACH_S * len(view.files):
            view = await self._views.take(self._job_id, self._now())
        return view

    def _steadied(self, view: View) -> dict[str, Any]:
        """Return the progress, which never goes back while the job is processed: bytes that were not durable when an
        attempt was cut come a second time.
        """
        progress = contract.progress(view.task, view.census, self._progress(self._job_id))
        if view.task.active:
            self._percent = progress["percent"] = max(self._percent, progress["percent"])
        else:
            self._percent = 0.0
        return progress

    async def _send(self, message: dict[str, Any], results: str | None = None) -> None:
        text = encoded(message)
        if results is not None:
            text = f'{text[:-1]},"results":{results}}}'
        self._sent_s, self._pause_s = self._now(), len(text) / BYTES_PER_S
        await send(self._socket, text, self._live.stall_s)
