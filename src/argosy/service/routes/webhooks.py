"""``/v1/webhooks``: who is told when tasks end, and what has been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from argosy.core.document import iso_time
from argosy.core.redact import redacted_url
from argosy.service.asking.route import Strict
from argosy.service.context import Context
from argosy.service.description.schema import problems
from argosy.service.webhooks.delivery import Delivery
from argosy.service.webhooks.endpoint import LONGEST_URL, Endpoint, Secret

router = APIRouter(tags=["webhooks"], route_class=Strict)
LONGEST_DESCRIPTION: Final = 200
PAGE: Final = 50

Type = Literal["task.completed", "task.failed", "task.cancelled"]
Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL, examples=["https://example.org/hooks/argosy"])]
Types = Annotated[list[Type], Field(max_length=3, description="Of what it is told; empty: of everything.")]
Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION)]
Cursor = Annotated[str, Query(max_length=200, description="`next` of the page before.")]
PageSize = Annotated[int, Query(ge=1, le=200)]


class NewWebhook(BaseModel):
    """An address to be told when tasks end."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True,
        json_schema_extra={"examples": [{"url": "https://example.org/hooks/argosy", "types": ["task.completed"]}]},
    )  # fmt: skip

    url: Url
    types: Types = []
    description: Description = ""


class WebhookPatch(BaseModel):
    """What is to be changed. ``enabled: true`` also lets an endpoint go on that has answered 410."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookDocument:
    """An endpoint. ``secret`` is shown when it is made or rotated, and never again; secrets of the URL are hidden."""

    id: str
    url: str
    types: list[str]
    description: str
    enabled: bool
    disabled_because: str | None
    created_at: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class WebhooksDocument:
    """All endpoints, the oldest first."""

    webhooks: list[WebhookDocument]


@dataclass(frozen=True, slots=True)
class SecretDocument:
    """With what callbacks are signed. After a rotation both sign, the former until ``former_until``."""

    secret: str
    former_until: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptDocument:
    """One sending. ``error`` is the code of what kept an answer from coming; of an answer only its status is kept."""

    at: str
    status: int | None
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class DeliveryDocument:
    """A message and what came of it. ``webhook`` is the endpoint's id, None for a task's own callback."""

    id: str
    type: str
    state: Literal["pending", "delivered", "failed"]
    webhook: str | None
    task_id: str | None
    created_at: str
    next_attempt_at: str | None
    reason: str | None
    """Why it has failed for good: ``given_up``, ``gone``, ``hopeless``, ``disabled`` or ``removed``."""
    attempts: list[AttemptDocument]


@dataclass(frozen=True, slots=True)
class DeliveriesDocument:
    """A page, newest first; ``next`` is where the next one begins, None at the end."""

    deliveries: list[DeliveryDocument]
    next: str | None


# -- endpoints ---------------------------------------------------------------------------------------


@router.get("/v1/webhooks", operation_id="listWebhooks", responses=problems())
async def webhooks(service: Context) -> WebhooksDocument:
    """List the endpoints; no secret is shown."""
    return WebhooksDocument([_shown(each) for each in await service.webhooks.endpoints.all()])


@router.post("/v1/webhooks", operation_id="makeWebhook", status_code=201, responses=problems(422))
async def make_webhook(asked: NewWebhook, service: Context, response: Response) -> WebhookDocument:
    """Subscribe an address. The secret that its messages are signed with is in this answer and in no other."""
    made = await service.webhooks.endpoints.add(asked.url, asked.types, asked.description)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return _shown(made, made.secrets)


@router.get("/v1/webhooks/secret", operation_id="getCallbackSecret", responses=problems())
async def callback_secret(service: Context) -> SecretDocument:
    """Show the secret that the callbacks of tasks are signed with: those have no endpoint to have one of its own."""
    return _secret(await service.webhooks.endpoints.callback_secrets())


@router.post("/v1/webhooks/secret/rotate", operation_id="rotateCallbackSecret", responses=problems())
async def rotate_callback_secret(service: Context) -> SecretDocument:
    """Sign callbacks with another secret; for a day with both."""
    return _secret(await service.webhooks.endpoints.rotate_callbacks())


@router.get("/v1/webhooks/{webhook_id}", operation_id="getWebhook", responses=problems(404))
async def webhook(webhook_id: str, service: Context) -> WebhookDocument:
    """Show one endpoint, without its secret."""
    return _shown(await service.webhooks.endpoints.get(webhook_id))


@router.patch("/v1/webhooks/{webhook_id}", operation_id="changeWebhook", responses=problems(404, 422))
async def change_webhook(webhook_id: str, asked: WebhookPatch, service: Context) -> WebhookDocument:
    """Change what is given; the rest stays."""
    given: dict[str, Any] = {name: value for name, value in asked.model_dump().items() if value is not None}
    if "types" in given:
        given["types"] = tuple(dict.fromkeys(given["types"]))
    if given.get("enabled"):
        given["disabled_because"] = None
    return _shown(await service.webhooks.endpoints.change(webhook_id, lambda one: replace(one, **given)))


@router.delete("/v1/webhooks/{webhook_id}", operation_id="removeWebhook", status_code=204, responses=problems(404))
async def remove_webhook(webhook_id: str, service: Context) -> None:
    """Tell this address nothing more, also not what waits to be told."""
    await service.webhooks.endpoints.remove(webhook_id)


@router.post("/v1/webhooks/{webhook_id}/rotate", operation_id="rotateWebhook", responses=problems(404))
async def rotate_webhook(webhook_id: str, service: Context) -> WebhookDocument:
    """Give the endpoint another secret, shown in this answer and in no other. For a day messages bear both signatures."""
    rotated = await service.webhooks.endpoints.rotate(webhook_id)
    return _shown(rotated, rotated.secrets)


@router.post("/v1/webhooks/{webhook_id}/test", operation_id="testWebhook", responses=problems(404))
async def test_webhook(webhook_id: str, service: Context) -> DeliveryDocument:
    """Send a test message now, once, and tell what came of it."""
    return _told(await service.webhooks.test(webhook_id))


# -- deliveries --------------------------------------------------------------------------------------


@router.get("/v1/webhooks/{webhook_id}/deliveries", operation_id="listDeliveries", responses=problems(404, 422))
async def deliveries(
    webhook_id: str, service: Context, after: Cursor = "", limit: PageSize = PAGE
) -> DeliveriesDocument:
    """List what the endpoint was or will be told, newest first; what is over for thirty days."""
    endpoint = await service.webhooks.endpoints.get(webhook_id)
    return _page(*await service.webhooks.outbox.log(endpoint.id, after, limit))


@router.get("/v1/tasks/{task_id}/deliveries", operation_id="listTaskDeliveries", responses=problems(404, 422))
async def task_deliveries(
    task_id: str, service: Context, after: Cursor = "", limit: PageSize = PAGE
) -> DeliveriesDocument:
    """List what was or will be told about the task, to its callback and to every endpoint."""
    task = await service.runtime.task(task_id)
    return _page(*await service.webhooks.outbox.log(task.id, after, limit))


@router.post(
    "/v1/webhooks/deliveries/{delivery_id}/redeliver",
    operation_id="redeliver",
    status_code=202,
    responses=problems(404),
)
async def redeliver(delivery_id: str, service: Context) -> DeliveryDocument:
    """Send the same message again, under the same id, and try as often as if it were new."""
    return _told(await service.webhooks.redeliver(delivery_id))


# -- as documents ------------------------------------------------------------------------------------


def _shown(endpoint: Endpoint, held: Sequence[Secret] = ()) -> WebhookDocument:
    return WebhookDocument(
        endpoint.id, redacted_url(endpoint.url), list(endpoint.types), endpoint.description, endpoint.enabled,
        endpoint.disabled_because, iso_time(endpoint.created_at), held[0].text if held else None,
    )  # fmt: skip


def _secret(held: Sequence[Secret]) -> SecretDocument:
    present, *former = held
    return SecretDocument(present.text, iso_time(former[0].until) if former else None)


def _told(delivery: Delivery) -> DeliveryDocument:
    attempts = [AttemptDocument(**{**asdict(each), "at": iso_time(each.at)}) for each in delivery.attempts]
    return DeliveryDocument(
        delivery.id, delivery.type, delivery.state, delivery.lane if delivery.url is None else None, delivery.task_id,
        iso_time(delivery.created_at), iso_time(delivery.due_at) if delivery.state == "pending" else None,
        delivery.reason, attempts,
    )  # fmt: skip


def _page(found: Sequence[Delivery], following: str | None) -> DeliveriesDocument:
    return DeliveriesDocument([_told(each) for each in found], following)
