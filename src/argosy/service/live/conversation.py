"""A WebSocket from its first message to its last: what the client asks, and what it is told.

Two coroutines. One listens and puts what is asked in a short queue; the other answers and tells, and is the only one that
sends. So messages come in an order that makes sense, and a client that does not read is soon not listened to either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from argosy.errors import DiskFull, StoreError, UsageError
from argosy.service.live import frame
from argosy.service.live.allowance import Allowance
from argosy.service.live.frame import Closing, Incoming, Outgoing, Ping, Subscribe, Unsubscribe
from argosy.service.live.item import Batch
from argosy.service.live.live import Begun, Line, Live
from argosy.service.live.mailbox import Lost
from argosy.service.live.socket import TRY_LATER, Socket, send, told

SUBSCRIPTIONS: Final = 32
ASKED: Final = 16
"""Messages read ahead of the answers."""
BAD_FRAMES: Final = 8
FRAMES_PER_S: Final = 20.0
FRAMES_AT_ONCE: Final = 200
POLICY, RESTART = 1008, 1012


@dataclass(frozen=True, slots=True)
class End:
    """How the service ends it."""

    code: int
    closing: Closing


@dataclass(slots=True)
class Subscription:
    """``begun`` is missing until the client has been told where it begins."""

    asked: Subscribe
    begun: Begun | None = None

    def close(self) -> None:
        if self.begun is not None:
            self.begun.mailbox.close()
            self.begun = None


class Conversation:
    """One client. ``now`` is steady."""

    def __init__(self, live: Live, line: Line, socket: Socket, now: Callable[[], float]) -> None:
        self._live = live
        self._line = line
        self._socket = socket
        self._now = now
        self._subscriptions: dict[str, Subscription] = {}
        self._asked: asyncio.Queue[Incoming | UsageError] = asyncio.Queue(ASKED)
        self._end: End | None = None
        self._gone = False
        self._beat_s = now() + live.heartbeat_s

    async def run(self, first: Subscribe | None = None) -> None:
        """Talk until one of the two goes. Nothing of the client is left afterwards."""
        if first is not None:
            self._asked.put_nowait(first)
        listening = asyncio.create_task(self._listen())
        try:
            async with told(self._live, self._line, self._socket):
                await self._tell()
        finally:
            listening.cancel()
            for subscription in self._subscriptions.values():
                subscription.close()

    # -- listening ---------------------------------------------------------------------------------

    async def _listen(self) -> None:
        allowance = Allowance(FRAMES_PER_S, FRAMES_AT_ONCE, self._now())
        bad = 0
        while self._end is None and (message := await self._socket.receive()) is not None:
            asked = _understood(message)
            bad += isinstance(asked, UsageError)
            if not allowance.spend(self._now()):
                self._end = End(POLICY, Closing("too_many", "too many messages a second", retryable=False))
            elif bad > BAD_FRAMES:
                self._end = End(POLICY, Closing("bad_frame", "too many messages that make no sense", retryable=False))
            else:
                await self._asked.put(asked)
            self._line.bell.set()
        self._gone = self._end is None
        self._line.bell.set()

    # -- telling -----------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while not self._gone:
            if self._end is not None:
                await self._say(self._end.closing)
                await self._socket.close(self._end.code, self._end.closing.reason)
                return
            self._line.bell.clear()
            if await self._more():
                continue
            if self._live.closing is not None:
                self._end = End(RESTART, self._live.closing)
            else:
                await self._rest()

    async def _more(self) -> bool:
        """Say one thing of each subscription that has something, after the answers. Return whether there was any."""
        said = False
        try:
            while not self._asked.empty():
                said = True
                await self._answer(self._asked.get_nowait())
            for name, subscription in tuple(self._subscriptions.items()):
                said |= await self._tell_of(name, subscription)
        except (StoreError, DiskFull) as error:
            self._end = End(TRY_LATER, Closing(error.detail_code, error.message, retryable=True))
            return True
        if self._now() >= self._beat_s:
            self._beat_s = self._now() + self._live.heartbeat_s
            await self._say(frame.Heartbeat(self._seq()))
        return said

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._beat_s - self._now())):
                await self._line.bell.wait()
        except TimeoutError:
            return

    async def _answer(self, asked: Incoming | UsageError) -> None:
        match asked:
            case Subscribe():
                await self._subscribe(asked)
            case Unsubscribe():
                self._forget(asked.subscription)
                await self._say(frame.Unsubscribed(asked.subscription))
            case Ping():
                await self._say(frame.Pong(asked.id))
            case UsageError():
                await self._say(frame.error_of(asked.failure()))

    async def _subscribe(self, asked: Subscribe) -> None:
        self._forget(asked.subscription)
        if len(self._subscriptions) >= SUBSCRIPTIONS:
            refused = UsageError(f"{SUBSCRIPTIONS} subscriptions are the most", hint="unsubscribe one", code="too_many")
            await self._say(frame.error_of(refused.failure()))
            return
        subscription = self._subscriptions[asked.subscription] = Subscription(asked)
        await self._begin(subscription, asked.after, snapshot=asked.snapshot)

    def _forget(self, name: str) -> None:
        known = self._subscriptions.pop(name, None)
        if known is not None:
            known.close()

    async def _begin(
        self, subscription: Subscription, after: int | None, *, snapshot: bool, reset: str | None = None
    ) -> None:
        asked = subscription.asked
        begun = subscription.begun = await self._live.begin(
            asked.filter, after=after, snapshot=snapshot, limit=asked.limit, bell=self._line.bell, reset=reset
        )
        if begun.reset is not None:
            await self._say(frame.Reset(begun.mailbox.cursor, begun.reset, asked.subscription))
        if begun.view is None:
            await self._say(frame.Subscribed(begun.mailbox.cursor, asked.subscription))
        else:
            view = begun.view
            await self._say(frame.Snapshot(view.seq, view.tasks, view.complete, asked.subscription))

    async def _tell_of(self, name: str, subscription: Subscription) -> bool:
        assert subscription.begun is not None
        found = await subscription.begun.mailbox.take()
        if isinstance(found, Lost):
            subscription.close()
            await self._begin(subscription, None, snapshot=True, reset=self._live.expired())
        elif isinstance(found, Batch):
            self._live.events += len(found.items)
            await self._send(frame.written_events(found, name))
        return found is not None

    def _seq(self) -> int:
        cursors = [each.begun.mailbox.cursor for each in self._subscriptions.values() if each.begun is not None]
        return min(cursors, default=self._live.feed.last)

    async def _say(self, said: Outgoing) -> None:
        await self._send(frame.written(said))

    async def _send(self, text: str) -> None:
        await send(self._socket, text, self._live.stall_s)


def _understood(message: str | bytes) -> Incoming | UsageError:
    if isinstance(message, bytes):
        return UsageError("a message is JSON text", hint="not a binary one", code="bad_frame")
    if len(message.encode()) > frame.FRAME_BYTES:
        return UsageError(f"a message has {frame.FRAME_BYTES:,} bytes at most", code="too_large")
    try:
        return frame.read(message)
    except UsageError as error:
        return error
