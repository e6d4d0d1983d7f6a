"""The description of the API, taken at its word: whatever it allows is sent, and whatever it does not, and the answers are held
against it. The service is real; nothing it is made to download is reached, as everything goes through a proxy that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .daemon import Daemon

EXAMPLES = 3
"""Random ones of each operation, beside those that the bounds of its parameters suggest."""
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip
NOWHERE = "http://127.0.0.1:9"
STREAMS = ["streamEvents"]
"""They answer for as long as one listens; test_live_stream.py reads them."""
UPSTREAM = ["probe", "verifyTask"]
"""They pass on that another server has failed: 502 is right for them."""
CONFIG = schemathesis.Config.from_dict({
    "generation": {"with-security-parameters": False, "database": "none", "allow-x00": True},
    "phases": {"stateful": {"enabled": False}},
    "checks": {"negative_data_rejection": {"expected-statuses": ["4xx", 503]}},
})  # fmt: skip
schema = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.json", config=CONFIG)
described = schema.exclude(operation_id=STREAMS)
few = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon with a task that has ended, for all of the file."""
    folder = tmp_path_factory.mktemp("described")
    home, downloads = folder / "home", folder / "downloads"
    home.mkdir(mode=0o700)
    downloads.mkdir()
    daemon = Daemon(home, downloads, {"ARGOSY_PROXY": NOWHERE, "ARGOSY_RETRIES": "0"})
    try:
        yield daemon.start()
    finally:
        daemon.clear_away()


@pytest.fixture(scope="module")
def known(shared: Daemon) -> dict[str, Any]:
    """Things that are there, by the name of the path's parameter."""
    task_id = shared.add(f"{NOWHERE}/file.bin")
    shared.until_status(task_id, "failed")
    webhook = shared.request("POST", "/v1/webhooks", {"url": "https://client.example/hook"}).json()
    return {"task_id": task_id, "job_id": task_id, "webhook_id": webhook["id"], "index": 0}


@described.parametrize()
@few
def test_it_answers_as_it_is_described(case: Case[Any], shared: Daemon, known: dict[str, Any]) -> None:
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
    asks_others = case.operation.definition.raw["operationId"] in UPSTREAM
    answer = case.call_and_validate(
        base_url=shared.url,
        headers={"Authorization": f"Bearer {shared.token}"},
        checks=[check for check in CHECKS if not (asks_others and check is not_a_server_error)],
        timeout=20,
    )
    assert answer.status_code != 500


@schema.parametrize()
@settings(few, max_examples=1, phases=[Phase.generate])
def test_without_a_token_it_answers_nothing_but_what_is_for_everybody(case: Case[Any], shared: Daemon) -> None:
    answer = case.call_and_validate(
        base_url=shared.url, checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
        timeout=20,
    )  # fmt: skip
    public = case.operation.definition.raw["x-argosy-scope"] == "public"
    assert public or answer.status_code == 401
