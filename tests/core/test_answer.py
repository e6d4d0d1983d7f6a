"""What an answer means for the bytes we hold: the whole table, and no nonsense without a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.answer import (
    AllHeld,
    Asked,
    Different,
    Head,
    Known,
    Refused,
    Take,
    Unranged,
    Untouched,
    Verdict,
    Whole,
    decoding,
    is_unexpected_page,
    judge,
    refusal,
    web_page,
)
from argosy.core.header import Match, Validators
from argosy.errors import ArgosyError, AuthError, BadResponse, NetworkError, ServerBusy, ServerRefused

NOW = 1_767_400_000.0
TAG, OTHER_TAG = '"one"', '"two"'
DATE, SERVED = "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:05:00 GMT"
SIZE = 1000
HELD = Known(Validators(TAG, DATE, strong_date=False, length=SIZE), "application/zip", held=400)
NOTHING = Known()
FROM_300 = Asked(300)


def head(status: int, **fields: str | list[str]) -> Head:
    named = {name.replace("_", "-"): value if isinstance(value, list) else [value] for name, value in fields.items()}
    return Head(status, named)


def of(answer: Head, asked: Asked = FROM_300, known: Known = HELD) -> Verdict:
    return judge(answer, asked, known, now=NOW)


def partial(content_range: str | list[str], **fields: str | list[str]) -> Head:
    return head(206, **{"content_range": content_range, "etag": TAG, "last_modified": DATE, **fields})


# -- the head --------------------------------------------------------------------------------------------------------


def test_a_head_knows_its_fields() -> None:
    answer = head(
        200, content_type="Text/HTML; charset=x", content_encoding=["gzip, identity", " br ,"], retry_after="7"
    )
    assert answer.content_type == "text/html"
    assert answer.encodings == ("gzip", "br")
    assert answer.retry_after_s(NOW) == 7
    assert answer.get("missing") is None
    bare = head(200)
    assert (bare.content_type, bare.encodings, bare.retry_after_s(NOW)) == (None, (), None)
    assert head(200, content_type="").content_type is None


@pytest.mark.parametrize(
    ("known", "described"), [(NOTHING, False), (Known(held=1), True), (Known(Validators(length=5)), True)]
)
def test_known_is_whatever_was_told_before(known: Known, described: bool) -> None:
    assert known.any is described


# -- 206 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_range", "first", "last", "total"),
    [
        ("bytes 300-999/1000", 300, 999, 1000),
        ("bytes 300-500/1000", 300, 500, 1000),  # shorter than asked
        ("bytes 300-999/*", 300, 999, None),
        ("bytes 0-999/1000", 0, 999, 1000),  # earlier than asked
    ],
)
def test_a_range_of_the_same_version_is_taken(content_range: str, first: int, last: int, total: int | None) -> None:
    verdict = of(partial(content_range))
    assert verdict == Take(first, last, total, Validators(TAG, DATE, strong_date=False, length=total), proven=True)


def test_the_first_answer_of_all_is_of_the_version_it_is_of() -> None:
    verdict = of(partial("bytes 0-999/1000"), Asked(), NOTHING)
    assert isinstance(verdict, Take)
    assert verdict.proven


@pytest.mark.parametrize(
    "fields",
    [
        {"etag": "W/" + TAG},
        {"etag": "one"},
        {"etag": [], "last_modified": []},
        {"etag": []},
    ],
)
def test_without_a_strong_validator_nothing_is_proven(fields: dict[str, list[str]]) -> None:
    verdict = of(partial("bytes 300-999/1000", **fields))
    assert isinstance(verdict, Take)
    assert not verdict.proven


def test_a_strong_date_on_both_sides_is_proof() -> None:
    known = replace(HELD, validators=Validators(None, DATE, strong_date=True, length=SIZE))
    verdict = of(head(206, content_range="bytes 300-999/1000", last_modified=DATE, date=SERVED), known=known)
    assert isinstance(verdict, Take)
    assert verdict.proven


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (partial("bytes 300-999/1000", etag=OTHER_TAG), "its ETag changed"),
        (partial("bytes 300-998/999"), "its length changed from 1000 to 999"),
        (partial("bytes 300-999/1000", etag=[], last_modified=SERVED), "its ETag changed"),
    ],
)
def test_a_range_of_another_version_is_not_taken(answer: Head, why: str) -> None:
    assert of(answer) == Different(why)


def test_another_date_alone_is_another_version() -> None:
    known = replace(HELD, validators=Validators(None, DATE, strong_date=True, length=SIZE))
    answer = head(206, content_range="bytes 300-999/1000", last_modified=SERVED)
    assert of(answer, known=known) == Different("its modification time changed")


def test_less_than_is_held_cannot_be_the_file() -> None:
    known = Known(Validators(), None, held=400)
    assert isinstance(of(head(206, content_range="bytes 300-350/351"), known=known), Different)
    assert isinstance(of(head(206, content_range="bytes 300-399/400"), known=known), Take)


@pytest.mark.parametrize(
    "content_range",
    ["", "bytes", "bytes 300-1000/1000", "bytes 999-300/1000", "300-999/1000", "octets 300-999/1000", "bytes */1000",
     "bytes -1-999/1000", "bytes 300-9223372036854775808/*", ["bytes 300-999/1000", "bytes 0-999/1000"], []],
)  # fmt: skip
def test_an_invalid_range_is_never_combined(content_range: str | list[str]) -> None:
    assert isinstance(of(partial(content_range)), Unranged)


def test_the_same_range_said_twice_is_one_range() -> None:
    assert isinstance(of(partial(["bytes 300-999/1000"] * 2)), Take)


@pytest.mark.parametrize(
    "answer",
    [
        partial("bytes 301-999/1000"),
        partial("bytes 300-999/1000", content_type="multipart/byteranges; boundary=x"),
        partial("bytes 300-999/1000", content_length="699"),
    ],
    ids=["later than asked", "several parts", "another length"],
)
def test_a_range_that_contradicts_itself_or_us_is_not_used(answer: Head) -> None:
    assert isinstance(of(answer), Unranged)


def test_chunks_have_no_length_to_contradict() -> None:
    assert isinstance(of(partial("bytes 300-999/1000", content_length="7", transfer_encoding="chunked")), Take)


def test_a_part_of_what_was_asked_whole_is_a_broken_answer() -> None:
    verdict = of(partial("bytes 0-999/1000"), Asked(ranged=False))
    assert isinstance(verdict, Refused)
    assert verdict.error.detail_code == "bad_range"


@pytest.mark.parametrize("content_range", ["bytes 300-999/1000", "nonsense"])
def test_a_page_in_a_range_of_something_else_is_a_portal(content_range: str) -> None:
    verdict = of(partial(content_range, content_type="text/html"))
    assert isinstance(verdict, Refused)
    assert verdict.error.detail_code == "html_instead"
    assert verdict.error.retryable


def test_a_page_goes_on_with_a_page() -> None:
    known = replace(HELD, content_type="text/html")
    assert isinstance(of(partial("bytes 300-999/1000", content_type="text/html"), known=known), Take)


# -- 200 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "known", "total", "same"),
    [
        ({"content_length": "1000", "etag": TAG}, HELD, 1000, Match.SAME),
        ({"content_length": "1000", "etag": OTHER_TAG}, HELD, 1000, Match.DIFFERENT),
        ({"content_length": "999", "etag": TAG}, HELD, 999, Match.DIFFERENT),
        ({"content_length": "1000"}, HELD, 1000, Match.UNKNOWN),
        ({"content_length": "1000"}, NOTHING, 1000, Match.SAME),
        ({"etag": TAG}, HELD, None, Match.SAME),
        ({"content_length": "7", "transfer_encoding": "chunked", "etag": TAG}, HELD, None, Match.SAME),
        ({"content_length": ["1000", "1000"], "etag": TAG}, HELD, 1000, Match.SAME),
    ],
)
def test_a_whole_body_says_of_which_version_it_is(
    fields: dict[str, str], known: Known, total: int | None, same: Match
) -> None:
    verdict = of(head(200, **fields), known=known)
    assert isinstance(verdict, Whole)
    assert (verdict.total, verdict.validators.length, verdict.same) == (total, total, same)


@pytest.mark.parametrize("length", [["1000", "7"], "1000, 7", "12abc", "-5", "+5", "99999999999999999999"])
@pytest.mark.parametrize("status", [200, 206])
def test_a_length_that_is_none_is_a_broken_answer(status: int, length: str | list[str]) -> None:
    verdict = of(head(status, content_length=length, content_range="bytes 300-999/1000"))
    assert isinstance(verdict, Refused)
    assert isinstance(verdict.error, BadResponse)


# -- 416, 304 --------------------------------------------------------------------------------------------------------

UNKNOWN_END = Known(Validators(TAG), None, held=400)


@pytest.mark.parametrize(
    ("content_range", "asked", "known", "verdict"),
    [
        ("bytes */400", Asked(400), UNKNOWN_END, AllHeld(400)),
        ("bytes */400", Asked(300), UNKNOWN_END, AllHeld(400)),
        ("bytes */*", Asked(400), UNKNOWN_END, AllHeld(400)),
        (None, Asked(400), UNKNOWN_END, AllHeld(400)),
        (None, Asked(300), UNKNOWN_END, Unranged),
        ("bytes */399", Asked(400), UNKNOWN_END, Different),
        ("bytes */500", Asked(400), UNKNOWN_END, Different),
        ("bytes */1000", Asked(300), HELD, Unranged),
        (None, Asked(300), HELD, Unranged),
        ("bytes */400", Asked(300), HELD, Different),
        ("bytes */12", Asked(300), HELD, Different),
        ("bytes 0-1/400", Asked(300), HELD, Unranged),
        ("bytes */0", Asked(0), NOTHING, Unranged),
        (None, Asked(0), NOTHING, Unranged),
    ],
)
def test_416_tells_the_end_or_a_change_or_nothing(
    content_range: str | None, asked: Asked, known: Known, verdict: object
) -> None:
    answer = head(416) if content_range is None else head(416, content_range=content_range)
    found = of(answer, asked, known)
    assert found == verdict if isinstance(verdict, AllHeld) else isinstance(found, verdict)  # type: ignore[arg-type]


def test_416_to_no_range_is_a_refusal() -> None:
    verdict = of(head(416), Asked(ranged=False))
    assert isinstance(verdict, Refused)
    assert isinstance(verdict.error, ServerRefused)


def test_304_leaves_everything_as_it_is() -> None:
    assert of(head(304)) == Untouched()


# -- everything else -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (401, AuthError, "http_401", False), (403, AuthError, "http_403", False), (407, AuthError, "http_407", False),
        (404, ServerRefused, "http_404", False), (410, ServerRefused, "http_410", False),
        (400, ServerRefused, "http_400", False), (451, ServerRefused, "http_451", False),
        (408, ServerBusy, "http_408", True), (425, ServerBusy, "http_425", True), (429, ServerBusy, "http_429", True),
        (500, ServerBusy, "http_500", True), (503, ServerBusy, "http_503", True), (599, ServerBusy, "http_599", True),
        (0, BadResponse, "no_content", False), (101, BadResponse, "no_content", False),
        (204, BadResponse, "no_content", False), (302, BadResponse, "no_content", False),
        (600, BadResponse, "no_content", False),
    ],
)  # fmt: skip
def test_a_status_without_the_file_is_an_error_with_a_name(
    status: int, kind: type[ArgosyError], code: str, retryable: bool
) -> None:
    error = refusal(head(status, retry_after="9"), now=NOW)
    assert type(error) is kind
    assert error.detail_code == code
    assert error.retryable is retryable
    assert str(status) in error.message
    assert getattr(error, "retry_after_s", 9) == 9
    assert isinstance(of(head(status)), Refused)


texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["bytes 0-9/10", "bytes */10", "10", "chunked", "gzip", TAG, DATE, "text/html", "multipart/x"]),
)
names = st.sampled_from(
    ["content-range", "content-length", "content-type", "etag", "last-modified", "date", "transfer-encoding",
     "content-encoding", "retry-after"]
)  # fmt: skip


@given(
    status=st.integers(0, 999) | st.sampled_from([200, 206, 304, 416]),
    fields=st.dictionaries(names, st.lists(texts, min_size=1, max_size=2)),
    first=st.integers(0, 20),
    ranged=st.booleans(),
    held=st.integers(0, 20),
    length=st.none() | st.integers(0, 20),
)
def test_every_nonsense_has_a_verdict(
    status: int, fields: dict[str, list[str]], first: int, ranged: bool, held: int, length: int | None
) -> None:
    verdict = of(Head(status, fields), Asked(first, ranged=ranged), Known(Validators(TAG, length=length), held=held))
    if isinstance(verdict, Take):  # nothing is ever taken that could leave a hole or reach behind the end
        assert status == 206
        assert verdict.first <= first
        assert verdict.last is not None
        assert verdict.first <= verdict.last
        assert verdict.total is None or max(verdict.last + 1, held) <= verdict.total
        assert not verdict.proven or held == 0 or fields.get("etag", [None])[0] == TAG


# -- pages and codings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "promised", "unexpected"),
    [
        ("text/html", "data.zip", False, True),
        ("application/xhtml+xml", "data.tar.gz", False, True),
        ("text/html; charset=utf-8", "page.html", False, False),
        ("text/html", "page.html", True, False),
        ("text/html", "download", False, False),
        ("text/html", "download", True, True),
        ("text/html", "get.php", True, True),
        ("application/zip", "data.zip", True, False),
    ],
)
def test_a_page_is_unexpected_where_something_else_was_promised(
    kind: str, name: str, promised: bool, unexpected: bool
) -> None:
    assert is_unexpected_page(head(200, content_type=kind), name, promised=promised) is unexpected
    attached = head(200, content_type=kind, content_disposition="attachment")
    assert not is_unexpected_page(attached, name, promised=promised)


def test_a_page_may_pass_so_it_is_worth_another_try() -> None:
    assert isinstance(web_page(), NetworkError)


@pytest.mark.parametrize(
    ("encoding", "name", "coding"),
    [
        ("gzip", "a.txt", "gzip"), ("x-gzip", "a", "x-gzip"), ("deflate", "a.csv", "deflate"), ("identity", "a", None),
        ("GZIP", "a.txt", "gzip"), ("gzip", "a.tar.gz", None), ("gzip", "a.TGZ", None), ("br", "a.br", None), ("", "a", None),
    ],
)  # fmt: skip
def test_a_coding_is_undone_unless_it_is_the_files_own(encoding: str, name: str, coding: str | None) -> None:
    assert decoding(head(200, content_encoding=encoding), name) == coding


@pytest.mark.parametrize(
    ("encoding", "name"), [("br", "a.txt"), ("zstd", "a"), ("gzip, gzip", "a.txt"), ("gzip, br", "a.gz")]
)
def test_what_nobody_asked_for_and_nobody_can_undo_is_refused(encoding: str, name: str) -> None:
    with pytest.raises(BadResponse) as raised:
        decoding(head(200, content_encoding=encoding), name)
    assert raised.value.detail_code == "decode"
