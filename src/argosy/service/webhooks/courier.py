"""From the outbox to the world: one lane for each endpoint, so that one that is slow or gone holds up nobody else.

Within a lane a few are sent at a time, messages about one task one after the other and in their order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from argosy.core import webhook
from argosy.core.webhook import Circuit, Verdict
from argosy.runtime.clock import Alarm, Clock
from argosy.service.webhooks.delivery import Attempt, Delivery, span_of
from argosy.service.webhooks.endpoint import Endpoint, Endpoints, UnknownWebhook, valid
from argosy.service.webhooks.outbox import Outbox, Pending
from argosy.service.webhooks.post import Post
from argosy.telemetry import trace
from argosy.telemetry.trace import Witness

log = logging.getLogger(__name__)

AT_ONCE: Final = 32
"""Messages under way at a time, over all lanes."""
AT_ONCE_IN_LANE: Final = 4
PAGE: Final = 64
LONGEST_WAIT_S: Final = 60.0
STORE_REST_S: Final = 2.0
BEHIND_S: Final = 0.001
"""A message waits for an earlier one about its task until this long after that is due."""


@dataclass(eq=False, slots=True)
class Lane:
    """What waits for one endpoint, or for callbacks to one server."""

    name: str
    alarm: Alarm
    circuit: Circuit = field(default_factory=Circuit)
    stirred: bool = False
    """Whether something has come since the outbox was last looked at."""
    under_way: dict[str, str | None] = field(default_factory=dict)
    """The tasks that messages under way are about, by the messages' ids."""


class Courier:
    """Sends what is due. Lives on the runtime's loop."""

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Endpoints,
        post: Post,
        clock: Clock,
        schedule: Sequence[float],
        told: Callable[[str], None] | None = None,
        witness: Witness | None = None,
    ) -> None:
        """``told`` hears the outcome of every attempt: a :class:`Verdict`, or ``given_up``; ``witness`` records each."""
        self._outbox = outbox
        self._endpoints = endpoints
        self._post = post
        self._clock = clock
        self._schedule = tuple(schedule)
        self._told = told or (lambda _outcome: None)
        self._witness = witness
        self._lanes: dict[str, Lane] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self, lane: str) -> None:
        """There is something new in the lane."""
        known = self._lanes.get(lane)
        if known is not None:
            known.stirred = True
            known.alarm.ring()
            return
        self._lanes[lane] = Lane(lane, Alarm(self._clock))
        self._begin(self._serve(self._lanes[lane]))

    async def close(self) -> None:
        """Send nothing more. What is under way is cut off, and sent again at the next start."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- a lane ------------------------------------------------------------------------------------

    async def _serve(self, lane: Lane) -> None:
        """Send what waits in the lane until nothing does."""
        while True:
            lane.stirred = False
            try:
                waiting = await self._outbox.waiting(lane.name, PAGE)
            except Exception:  # whatever it is, what waits must not be forgotten
                log.exception("webhooks.outbox_unread", extra={"lane": lane.name})
                await lane.alarm.wait(STORE_REST_S)
                continue
            if not waiting and not lane.under_way and not lane.stirred:
                del self._lanes[lane.name]
                return
            for each in self._sendable(lane, waiting):
                lane.under_way[each.id] = each.task_id
                self._begin(self._send(lane, each.id))
            await lane.alarm.wait(min(self._idle_s(lane, waiting), LONGEST_WAIT_S))

    def _sendable(self, lane: Lane, waiting: Sequence[Pending]) -> list[Pending]:
        """Return what may be sent now, one for each task."""
        now = self._clock.epoch()
        if not lane.circuit.closed(now):
            return []
        room = (1 if lane.circuit.wary else AT_ONCE_IN_LANE) - len(lane.under_way)
        busy = {task_id for task_id in lane.under_way.values() if task_id is not None}
        chosen: list[Pending] = []
        for each in waiting:
            if len(chosen) >= room or each.due_at > now:
                break
            if each.id in lane.under_way or each.task_id in busy:
                continue
            chosen.append(each)
            if each.task_id is not None:
                busy.add(each.task_id)
        return chosen

    def _idle_s(self, lane: Lane, waiting: Sequence[Pending]) -> float:
        """Return how long nothing can happen in the lane by itself; the end of a message under way rings."""
        now = self._clock.epoch()
        moments = (max(each.due_at, lane.circuit.rest_until) for each in waiting if each.id not in lane.under_way)
        return min((moment - now for moment in moments if moment > now), default=LONGEST_WAIT_S)

    # -- one message -------------------------------------------------------------------------------

    async def _send(self, lane: Lane, delivery_id: str) -> None:
        try:
            async with self._room:
                await self._attempt(lane, await self._outbox.get(delivery_id))
        except Exception:  # likewise; not at once, because it may be as before
            log.exception("webhooks.unsettled", extra={"webhook_id": delivery_id})
            lane.circuit = replace(lane.circuit, rest_until=self._clock.epoch() + STORE_REST_S)
        finally:
            del lane.under_way[delivery_id]
            lane.alarm.ring()

    async def _attempt(self, lane: Lane, delivery: Delivery) -> None:
        first = await self._outbox.earlier(delivery)
        if first is not None:
            await self._outbox.settle(delivery, replace(delivery, due_at=first.due_at + BEHIND_S))
            return
        endpoint = None
        if delivery.url is None:
            with suppress(UnknownWebhook):
                endpoint = await self._endpoints.get(delivery.lane)
            if endpoint is None or not endpoint.enabled:
                reason = "removed" if endpoint is None else "disabled"
                await self._outbox.settle(delivery, replace(delivery, state="failed", reason=reason))
                return
        attempt, verdict, retry_after_s = await self.once(delivery, endpoint)
        now = self._clock.epoch()
        lane.circuit = lane.circuit.after(verdict, now, retry_after_s)
        wait = webhook.wait_s(self._schedule, delivery.failures + 1, retry_after_s, random.random())  # noqa: S311 - jitter
        after = delivery.tried(attempt, verdict, None if wait is None else now + wait)
        await self._outbox.settle(delivery, after)
        if verdict is Verdict.GONE and endpoint is not None:
            await self._disable(endpoint)
        self._note(after, verdict)

    async def once(self, delivery: Delivery, endpoint: Endpoint | None) -> tuple[Attempt, Verdict, float | None]:
        """Send the message now, and return what came of it."""
        now = self._clock.epoch()
        held = await self._endpoints.callback_secrets() if endpoint is None else endpoint.secrets
        url = delivery.url if endpoint is None else endpoint.url
        assert url is not None
        body = delivery.body.encode()
        headers = webhook.headers(delivery.id, int(now), body, [secret.text for secret in valid(held, now)])
        parent = trace.parse(delivery.trace or "")
        span = None if parent is None or self._witness is None else parent.child()
        reply = await self._post.send(url, headers if span is None else {**headers, "traceparent": str(span)}, body)
        attempt = Attempt(now, reply.status, reply.error, reply.seconds)
        verdict = webhook.judge(reply.status, reply.error)
        if span is not None and self._witness is not None:
            self._witness.record(span_of(delivery, attempt, verdict, span, parent))
        return attempt, verdict, reply.retry_after_s

    async def _disable(self, endpoint: Endpoint) -> None:
        with suppress(UnknownWebhook):
            await self._endpoints.change(
                endpoint.id, lambda one: replace(one, enabled=False, disabled_because="it answered 410 Gone")
            )
        log.warning("webhooks.disabled", extra={"webhook": endpoint.id})

    def _note(self, delivery: Delivery, verdict: Verdict) -> None:
        outcome = "given_up" if delivery.reason == "given_up" else verdict.value
        self._told(outcome)
        attempt = delivery.attempts[-1]
        said = {"webhook_id": delivery.id, "task_id": delivery.task_id, "outcome": outcome, "status": attempt.status}
        level = logging.INFO if verdict is Verdict.DELIVERED else logging.WARNING
        log.log(level, "webhooks.attempt", extra=said | {"error": attempt.error, "seconds": attempt.seconds})
