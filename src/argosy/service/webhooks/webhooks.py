"""The part of a service that tells other servers: started before the first request, stopped before the runtime."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Self

from argosy.config import Config
from argosy.core import webhook
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.service.webhooks import message
from argosy.service.webhooks.courier import Courier
from argosy.service.webhooks.delivery import Delivery
from argosy.service.webhooks.endpoint import TEST, Endpoints
from argosy.service.webhooks.herald import Herald
from argosy.service.webhooks.outbox import Outbox
from argosy.service.webhooks.post import TIMEOUT_S, Post
from argosy.telemetry import trace
from argosy.telemetry.trace import Witness


class Webhooks:
    """An async context manager. What is due goes out, and what happens is written down, as long as it is entered."""

    def __init__(
        self,
        runtime: Runtime,
        settings: Config,
        key: bytes,
        clock: Clock,
        linking: message.Linking,
        *,
        timeout_s: float = TIMEOUT_S,
        told: Callable[[str], None] | None = None,
        witness: Witness | None = None,
    ) -> None:
        """``key`` makes ids that cannot be guessed, ``linking`` the links to results; ``told`` hears the outcome of every
        attempt, ``witness`` records each as a span. Raises UsageError for settings that make no sense.
        """
        schedule = webhook.schedule(settings["webhook_schedule"])
        self.endpoints = Endpoints(runtime.store, clock)
        self.outbox = Outbox(runtime.store, clock)
        self._post = Post(settings, clock, timeout_s=timeout_s)
        self._courier = Courier(self.outbox, self.endpoints, self._post, clock, schedule, told, witness)
        self._herald = Herald(runtime, self.outbox, self.endpoints, clock, key, linking, self._courier.wake)
        self._runtime = runtime
        self._clock = clock
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._runtime.listen(self._herald)
        for lane in await self.outbox.lanes():
            self._courier.wake(lane)
        self._reading = asyncio.get_running_loop().create_task(self._herald.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._courier.close()
        await self._post.close()

    async def test(self, endpoint_id: str) -> Delivery:
        """Send a test message to the endpoint, once and now, and return what came of it. Raises UnknownWebhook."""
        endpoint = await self.endpoints.get(endpoint_id)
        now = self._clock.epoch()
        name, span = f"msg_{secrets.token_hex(16)}", trace.asked_by()
        delivery = Delivery(name, TEST, endpoint.id, message.test(now), now, now, trace=span)
        attempt, verdict, _ = await self._courier.once(delivery, endpoint)
        after = delivery.tried(attempt, verdict, None)
        await self.outbox.add(after)
        return after

    async def redeliver(self, delivery_id: str) -> Delivery:
        """Send the same message again, from the beginning of the schedule. Raises UnknownWebhook."""
        before = await self.outbox.get(delivery_id)
        after = replace(before, state="pending", failures=0, due_at=self._clock.epoch(), reason=None)
        await self.outbox.settle(before, after)
        self._courier.wake(after.lane)
        return after
