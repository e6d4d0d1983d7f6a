"""Spans, from the request to the segment, as a collector gets them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.warm import SOURCE

from argosy.telemetry import trace
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until
from .receiver import Receiver, status


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps every span."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Span] = []
        self.services: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            raise AssertionError("nobody asked for compression")
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def tracing(collector: Collector) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}


def facts(span: Span) -> dict[str, str]:
    return {each.key: each.value.string_value for each in span.attributes if each.value.HasField("string_value")}


def test_a_trace_leads_from_the_callers_span_to_the_segments(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector
) -> None:
    service = daemons(**tracing(collector)).start()
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    answer = service.request(
        "POST", "/v1/tasks", {"source": server.add("/a.bin", BODY)}, {"traceparent": f"00-{trace_id}-{caller}-01"}
    )
    task_id = answer.headers["location"].rpartition("/")[2]
    service.until_status(task_id, "completed")
    until(lambda: collector.named("task") and collector.named("segment") and collector.named("POST /v1/tasks"))
    (request,), (task,), (file,) = (collector.named(name) for name in ("POST /v1/tasks", "task", "file"))
    segments = collector.named("segment")
    assert request.parent_span_id.hex() == caller
    assert task.parent_span_id == request.span_id
    assert file.parent_span_id == task.span_id
    assert {segment.parent_span_id for segment in segments} == {file.span_id}
    assert {span.trace_id.hex() for span in (request, task, file, *segments)} == {trace_id}
    assert task.start_time_unix_nano <= file.start_time_unix_nano <= file.end_time_unix_nano <= task.end_time_unix_nano
    assert facts(task)["argosy.task.id"] == task_id
    assert collector.services == {"argosy"}


def test_a_task_that_outlives_its_process_is_still_of_the_trace_that_began_it(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector, slow: str
) -> None:
    service = daemons(**tracing(collector)).start()
    task_id = service.add(slow)
    service.until_status(task_id, "running")
    until(lambda: collector.named("POST /v1/tasks"))
    service.kill9()
    server.set_faults("/slow.bin")
    service.restart()
    service.until_status(task_id, "completed")
    until(lambda: collector.named("task"))
    (request,), (task,) = collector.named("POST /v1/tasks"), collector.named("task")
    assert (task.trace_id, task.parent_span_id) == (request.trace_id, request.span_id)


def test_what_is_left_is_sent_before_the_service_ends(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector
) -> None:
    service = daemons(**tracing(collector) | {"OTEL_BSP_SCHEDULE_DELAY": "60000"}).start()
    service.until_status(service.add(server.add("/a.bin", BODY)), "completed")
    assert service.stop() == 0
    assert {"POST /v1/tasks", "task", "file", "segment"} <= {span.name for span in collector.spans}


def test_a_file_that_fails_is_a_span_with_its_error(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector
) -> None:
    service = daemons(**tracing(collector)).start()
    service.until_status(service.add(server.url("/nowhere")), "failed")
    until(lambda: collector.named("task"))
    (task,) = collector.named("task")
    assert task.status.code == task.status.STATUS_CODE_ERROR
    assert facts(task)["error.type"]


def test_each_attempt_to_tell_of_a_task_is_a_span_of_the_tasks_and_leads_on_to_the_receivers(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector
) -> None:
    with Receiver([status(500)]) as receiver:
        service = daemons(ARGOSY_WEBHOOK_SCHEDULE="0s 0s 1h", **tracing(collector)).start()
        told = {"source": server.add("/a.bin", BODY), "callback": receiver.url("/a-secret-path")}
        assert service.request("POST", "/v1/tasks", told).status == 202
        until(lambda: len(collector.named("webhook")) == 2 and collector.named("task"))
    (task,), attempts = (
        collector.named("task"),
        sorted(collector.named("webhook"), key=lambda span: span.start_time_unix_nano),
    )
    assert {(span.trace_id, span.parent_span_id) for span in attempts} == {(task.trace_id, task.span_id)}
    assert [span.kind for span in attempts] == [Span.SPAN_KIND_CLIENT] * 2
    assert [facts(span).get("error.type") for span in attempts] == ["500", None]
    assert [facts(span)["argosy.webhook.outcome"] for span in attempts] == ["again", "delivered"]
    sent = [trace.parse(message.headers["traceparent"]) for message in receiver.messages]
    assert [each and each.span_id for each in sent] == [span.span_id.hex() for span in attempts]
    assert "a-secret-path" not in str(collector.spans)


def test_a_webhook_that_nobody_traces_says_nothing_of_traces(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    with Receiver() as receiver:
        service = daemons().start()
        service.request("POST", "/v1/tasks", {"source": server.add("/a.bin", BODY), "callback": receiver.url()})
        until(lambda: receiver.messages)
    assert "traceparent" not in receiver.messages[0].headers


def test_a_protocol_that_is_not_spoken_is_told_in_the_log_and_hinders_nothing() -> None:
    code = (
        "import sys, logging; logging.basicConfig(format='%(message)s %(protocol)s %(spoken)s', stream=sys.stdout);"
        "from argosy.telemetry import otel;"
        "assert otel.open_witness({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:4317', 'OTEL_EXPORTER_OTLP_PROTOCOL': 'grpc'}) is None"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "trace.protocol_unknown grpc http/protobuf"


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_SAMPLER": "always_off"}],
)
def test_nothing_is_sent_when_the_environment_says_so(
    daemons: Callable[..., Daemon], server: FaultyServer, collector: Collector, variables: dict[str, str]
) -> None:
    service = daemons(**tracing(collector), **variables).start()
    service.until_status(service.add(server.add("/a.bin", BODY)), "completed")
    assert service.stop() == 0
    assert collector.spans == []


def test_a_collector_that_is_gone_hinders_nothing(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    service = daemons(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50").start()
    service.until_status(service.add(server.add("/a.bin", BODY)), "completed")
    assert service.request("GET", "/ready").status == 200


def test_without_those_variables_nothing_of_the_sdk_is_loaded() -> None:
    """So it costs neither time at the start nor memory afterwards."""
    code = "import sys, argosy.service.daemon.daemon as d; assert d.open_witness({}) is None; print('opentelemetry.sdk' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_the_extra_the_service_runs_and_its_log_says_what_is_missing() -> None:
    code = (
        "import sys, logging; logging.basicConfig(format='%(message)s %(missing)s %(hint)s', stream=sys.stdout);"
        "sys.modules['opentelemetry.sdk'] = None;"
        "from argosy.telemetry import otel;"
        "assert otel.open_witness({'OTEL_TRACES_EXPORTER': 'otlp'}) is None"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("trace.extra_missing opentelemetry.sdk")
    assert "argosy[otel]" in ran.stdout


def test_a_spans_context_reads_as_it_was_written() -> None:
    context = trace.parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert str(context) == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for odd in (
        "",
        "00-0-0-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
    ):
        assert trace.parse(odd) is None
