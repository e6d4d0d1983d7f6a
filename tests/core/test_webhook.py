"""The rules of webhooks, alone: signatures, what an answer means, when to try again."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from argosy.core import webhook
from argosy.core.webhook import Verdict
from argosy.errors import UsageError

HOUR_S = 3600.0


def test_signatures_are_those_of_the_reference_library() -> None:
    secret = webhook.secret_of(bytes(range(24)))
    made = webhook.headers("msg_1", 1_800_000_000, b'{"a":1}', [secret])
    assert secret.startswith("whsec_")
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(1_800_000_000, UTC), '{"a":1}')
    assert made["webhook-signature"] == theirs
    with pytest.raises(WebhookVerificationError):  # right, but from another time
        Webhook(secret).verify('{"a":1}', made)


@pytest.mark.parametrize("size", [23, 65])
def test_a_secret_has_24_to_64_bytes(size: int) -> None:
    with pytest.raises(UsageError):
        webhook.key_of("whsec_" + base64.b64encode(b"x" * size).decode())
    with pytest.raises(UsageError):
        webhook.key_of("whsec_?")


@pytest.mark.parametrize(("text", "delays"), [("0s 5s 5m", (0, 5, 300)), ("0,1.5,2h", (0, 1.5, 7200)), ("1", (1,))])
def test_a_schedule_is_a_list_of_waits(text: str, delays: tuple[float, ...]) -> None:
    assert webhook.schedule(text) == delays


@pytest.mark.parametrize("text", ["", "soon", "5d", "-1s", "5s;6s"])
def test_what_is_no_schedule_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        webhook.schedule(text)
    assert caught.value.detail_code == "config"


def test_an_endpoint_in_trouble_rests_longer_each_time_and_recovers_at_once() -> None:
    circuit, rests = webhook.Circuit(), []
    for _ in range(12):
        circuit = circuit.after(webhook.Verdict.AGAIN, 100.0, None)
        rests.append(circuit.rest_until - 100.0)
    assert rests == [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert circuit.wary
    assert not circuit.closed(399.0)
    assert circuit.closed(400.0)
    assert circuit.after(webhook.Verdict.DELIVERED, 100.0, None) == webhook.Circuit()


def test_a_wish_to_wait_is_honoured_up_to_a_day() -> None:
    assert webhook.wait_s((0, 5, 300), 1, 60.0, 0.0) == 60.0
    assert webhook.wait_s((0, 5, 300), 2, 60.0, 0.0) == 300.0
    assert webhook.wait_s((0, 5, 300), 1, 1e9, 0.0) == 24 * HOUR_S
    assert webhook.wait_s((0, 5, 300), 1, None, 0.5) == pytest.approx(5.25)
    assert webhook.wait_s((0, 5, 300), 3, 60.0, 0.0) is None


@pytest.mark.parametrize(
    ("status", "error", "verdict"),
    [
        (200, None, Verdict.DELIVERED),
        (299, None, Verdict.DELIVERED),
        (199, None, Verdict.AGAIN),
        (302, None, Verdict.AGAIN),
        (404, None, Verdict.AGAIN),
        (410, None, Verdict.GONE),
        (429, None, Verdict.BUSY),
        (500, None, Verdict.AGAIN),
        (502, None, Verdict.BUSY),
        (504, None, Verdict.BUSY),
        (None, "timeout", Verdict.AGAIN),
        (None, "address", Verdict.HOPELESS),
    ],
)
def test_only_2xx_is_success_and_a_redirect_is_none(status: int | None, error: str | None, verdict: Verdict) -> None:
    assert webhook.judge(status, error) is verdict


def test_a_busy_endpoint_rests_as_long_as_it_asks_but_no_more_than_a_day() -> None:
    busy = webhook.Circuit().after(Verdict.BUSY, 100.0, 60.0)
    assert (busy.rest_until, busy.wary) == (160.0, False)
    assert webhook.Circuit().after(Verdict.BUSY, 100.0, None).rest_until == 105.0
    assert webhook.Circuit().after(Verdict.BUSY, 100.0, 1e9).rest_until == 100.0 + 24 * HOUR_S
