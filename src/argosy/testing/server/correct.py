"""What a server without faults answers: RFC 9110 for GET and HEAD with ranges and preconditions."""

from __future__ import annotations

from argosy.testing.server.answer import Answer
from argosy.testing.server.body import Body
from argosy.testing.server.message import Request, Span, Unsatisfiable, asked_span, http_date, parse_http_date
from argosy.testing.server.resource import Question, Resource

WITHOUT_CONTENT = frozenset({204, 304})


def correct_answer(question: Question) -> Answer:
    """The answer of a server that does everything right."""
    request, resource = question.request, question.resource
    if request.method not in ("GET", "HEAD"):
        return message(request, 405, b"Only GET and HEAD.\n").with_header("Allow", "GET, HEAD")
    refusal = _failed_precondition(request, resource)
    if refusal is not None:
        return unmodified(question) if refusal == 304 else message(request, refusal, b"Precondition failed.\n")
    span = _span_to_send(request, resource)
    if span is None:
        return whole(question)
    if isinstance(span, Unsatisfiable):
        return unsatisfiable(question)
    return partial(question, span)


def whole(question: Question) -> Answer:
    """200 with the whole file."""
    return _described(question, 200).with_payload(question.resource.body)


def partial(question: Question, span: Span) -> Answer:
    """206 with ``span`` of the file, truthfully described."""
    body = question.resource.body
    described = _described(question, 206).with_header("Content-Range", span.content_range(body.size))
    sliced = described.with_payload(body.cut(span.start, span.end))
    return Answer(206, sliced.headers, sliced.payload, span)


def unsatisfiable(question: Question) -> Answer:
    """416 with the size of the file."""
    size = question.resource.body.size
    refused = message(question.request, 416, b"Range not satisfiable.\n")
    return refused.with_header("Content-Range", f"bytes */{size}").with_header("Accept-Ranges", "bytes")


def unmodified(question: Question) -> Answer:
    """304 with the validators."""
    return _described(question, 304).without("Content-Type", "Accept-Ranges")


def message(request: Request, status: int, text: Body | bytes, content_type: str = "text/plain") -> Answer:
    """An answer of the server itself, not of a file; 204 and 304 without text have no length either."""
    body = Body.of(text)
    bare = Answer(status, (("Date", http_date(request.received)), ("Server", "FaultyServer")))
    if status in WITHOUT_CONTENT and not body.size:
        return bare
    return bare.with_header("Content-Type", content_type).with_payload(body)


def _described(question: Question, status: int) -> Answer:
    resource = question.resource
    validators = (("ETag", resource.etag), ("Last-Modified", resource.last_modified))
    return Answer(
        status,
        (
            ("Date", http_date(question.request.received)),
            ("Server", "FaultyServer"),
            ("Accept-Ranges", "bytes"),
            ("Content-Type", resource.content_type),
            *((name, value) for name, value in validators if value is not None),
            *resource.headers,
        ),
    )


def _span_to_send(request: Request, resource: Resource) -> Span | Unsatisfiable | None:
    if request.method != "GET":  # RFC 9110, 14.2: a range means nothing for other methods
        return None
    if request.if_range is not None and not _is_same_version(request.if_range, resource):
        return None
    return asked_span(request.range, resource.body.size)


def _is_same_version(if_range: str, resource: Resource) -> bool:
    """RFC 9110, 13.1.5: a strong ETag or the date, compared exactly."""
    if if_range.startswith(('"', "W/")):
        return if_range == resource.etag and not if_range.startswith("W/")
    return if_range == resource.last_modified


def _failed_precondition(request: Request, resource: Resource) -> int | None:
    """RFC 9110, 13.2.2, in its order."""
    if (tags := request.header("If-Match")) is not None:
        if not _matches(tags, resource.etag, strong=True):
            return 412
    elif (date := request.header("If-Unmodified-Since")) is not None and _is_newer_than(date, resource):
        return 412
    if (tags := request.header("If-None-Match")) is not None:
        return 304 if _matches(tags, resource.etag, strong=False) else None
    date = request.header("If-Modified-Since")
    if date is not None and resource.last_modified is not None and parse_http_date(date) is not None:
        return None if _is_newer_than(date, resource) else 304
    return None


def _matches(tags: str, etag: str | None, *, strong: bool) -> bool:
    if tags.strip() == "*":
        return True
    if etag is None or (strong and etag.startswith("W/")):
        return False
    listed = {tag.strip() for tag in tags.split(",")}
    return etag in listed if strong else etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in listed}


def _is_newer_than(date: str, resource: Resource) -> bool:
    limit = parse_http_date(date)
    modified = parse_http_date(resource.last_modified or "")
    return limit is not None and modified is not None and modified > limit
