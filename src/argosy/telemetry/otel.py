"""Spans on their way to an OpenTelemetry collector, as the standard ``OTEL_*`` variables say; the extra ``otel``.

Nothing of the SDK is imported unless they ask for traces. Spans come finished, with the moments they began and ended: they
are of several threads and processes, and a task's begins in one and ends, days later, in another. So they are handed to the
SDK's exporter as what they are, and no context manager has to live as long as they do.
"""

# ruff: noqa: PLC0415  # that is the point

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from argosy.about import VERSION
from argosy.telemetry.trace import Span, TraceContext, Witness

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

log = logging.getLogger(__name__)

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SPOKEN: Final = "http/protobuf"
NS: Final = 1_000_000_000
FLUSH_MS: Final = 5_000


def asked_for(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment asks for traces: it names where they go, or that they go somewhere."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporters = environ.get("OTEL_TRACES_EXPORTER")
    if exporters is not None:
        return "otlp" in exporters.split(",")
    return any(environ.get(name) for name in ENDPOINTS)


def open_witness(environ: Mapping[str, str]) -> Exporter | None:
    """Return what exports spans, None if nobody asks for them or it cannot be done, which the log tells."""
    if not asked_for(environ):
        return None
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), SPOKEN)
    if protocol != SPOKEN:
        log.warning("trace.protocol_unknown", extra={"protocol": protocol, "spoken": SPOKEN})
        return None
    try:
        return Exporter()
    except ImportError as error:
        log.warning("trace.extra_missing", extra={"missing": error.name, "hint": "pip install 'argosy[otel]'"})
        return None


class Exporter(Witness):
    """Gathers spans and sends them from a thread of its own; where, and how many at once, the SDK reads from ``OTEL_*``."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        resource = Resource({"service.version": VERSION}).merge(Resource.create())
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "argosy"}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._resource = resource
        self._sampler = provider.sampler
        self._scope = InstrumentationScope("argosy", VERSION)
        self._batches = BatchSpanProcessor(OTLPSpanExporter())

    def samples(self, trace_id: str) -> bool:
        from opentelemetry.sdk.trace.sampling import Decision

        return self._sampler.should_sample(None, int(trace_id, 16), "").decision is Decision.RECORD_AND_SAMPLE

    def record(self, span: Span) -> None:
        self._batches.on_end(self._readable(span))

    def close(self) -> None:
        """Send what is left, for as long as that may take, and stop. Blocks."""
        self._batches.force_flush(FLUSH_MS)
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.status import Status, StatusCode

        return ReadableSpan(
            span.name,
            context=_context(span.context),
            parent=None if span.parent is None else _context(span.parent),
            resource=self._resource,
            attributes=span.facts | ({"error.type": span.error} if span.error else {}),
            kind=SpanKind[span.kind.upper()],
            instrumentation_scope=self._scope,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=int(span.began * NS),
            end_time=int(span.ended * NS),
        )


def _context(context: TraceContext) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), is_remote=False, trace_flags=flags)
