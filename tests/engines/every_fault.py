"""What can go wrong at a server, case by case, for all tests that meet each of them."""

from __future__ import annotations

from dataclasses import dataclass

from argosy.testing.faults import (
    BEFORE_HEAD,
    BadChunkSize,
    ChangeFile,
    ChangeWhileSending,
    Chunked,
    ChunkedUnfinished,
    ClaimedEncoding,
    CloseAfter,
    CloseDelimited,
    ConnectionLimit,
    ContentLength,
    ContentLengthOff,
    ContentRange,
    Cut,
    Delay,
    Drip,
    EmptyBody,
    EndEarlier,
    EndLater,
    ExtraBytes,
    Fault,
    FlipETag,
    FlippedByte,
    Gzip,
    GzipBomb,
    HangUp,
    HeaderFlood,
    HtmlPage,
    IgnoreIfRange,
    IgnoreRanges,
    InterimAnswers,
    LongHeader,
    LyingHead,
    ModifiedJustNow,
    Multipart,
    NewETag,
    NoContentRange,
    NoETag,
    NoHead,
    NoValidators,
    OtherBody,
    RawAnswer,
    RawHeader,
    Redirect,
    RedirectHops,
    RedirectLoop,
    RefuseRanges,
    RequireBasic,
    RequireBearer,
    RequireCookie,
    RequireHeader,
    ShiftedBytes,
    Stall,
    StartEarlier,
    StartLater,
    Status,
    StatusLine,
    Throttle,
    UnknownTotal,
    UnquotedETag,
    WeakETag,
    WholeAsPartial,
    WithHeader,
    after,
    beginning_at,
)
from argosy.testing.server import Body

KIB, MIB = 1 << 10, 1 << 20
ENDLESS = 1 << 62
BODY = Body.of(Body.generated(3 * MIB + 4321, seed=1).read())
OTHER = Body.of(Body.generated(BODY.size, seed=2).read())
LONGER = Body.of(Body.generated(4 * MIB, seed=3).read())
SHORTER = Body.of(Body.generated(500_000, seed=4).read())
ROTTEN_AT = 700_001
ROTTEN = Body.of(BODY.read(0, ROTTEN_AT) + bytes([BODY.read()[ROTTEN_AT] ^ 0xFF]) + BODY.read(ROTTEN_AT + 1))
OVERWRITTEN_AT = 2 * MIB
OVERWRITTEN = Body.of(BODY.read(0, OVERWRITTEN_AT) + OTHER.read(OVERWRITTEN_AT))
SORRY = Body.of(b"the service is down for maintenance")
within = beginning_at(1, ENDLESS)
"""Ranges that do not begin at the first byte."""


@dataclass(frozen=True)
class Case:
    """``arrives``: the whole file comes in spite of it, in one attempt; None: it depends on how it is met."""

    faults: tuple[Fault, ...]
    arrives: bool | None = True
    versions: tuple[Body, ...] = (BODY,)


def case(*faults: Fault, arrives: bool | None = True, versions: tuple[Body, ...] = ()) -> Case:
    return Case(faults, arrives, (BODY, *versions))


CASES = {
    "no fault": case(),
    "ranges ignored": case(IgnoreRanges()),
    "ranges ignored, not advertised": case(IgnoreRanges(advertise=False)),
    "ranges ignored within": case(IgnoreRanges(when=within)),
    "the whole as 206": case(WholeAsPartial()),
    "range starts at a block": case(StartEarlier(4096)),
    "range starts at a large block": case(StartEarlier(4 * MIB)),
    "range starts later": case(StartLater(10, when=within)),
    "range starts later everywhere": case(StartLater(1)),
    "range ends earlier": case(EndEarlier(300_000)),
    "range ends very early": case(EndEarlier(700), arrives=None),
    "range ends later": case(EndLater(5000)),
    "no Content-Range": case(NoContentRange()),
    "no Content-Range, whole": case(NoContentRange(whole=True)),
    **{
        f"Content-Range {text!r}": case(ContentRange(text))
        for text in (
            "bytes {first}-{total}/{total}", "bytes {last}-{first}/{total}", "bytes x-y/z", "{first}-{last}/{total}",
            "octets {first}-{last}/{total}", "bytes -5-{last}/{total}", "bytes {first}-9223372036854775809/*",
            "bytes {first}-{last}/9223372036854775809", "",
        )
    },
    "unknown total": case(UnknownTotal()),
    "unknown total, short": case(EndEarlier(300_000), UnknownTotal()),
    "multipart": case(Multipart()),
    "shifted within": case(ShiftedBytes(7, when=within)),
    "length too large": case(ContentLengthOff(1), arrives=False),
    "length too large, open": case(ContentLengthOff(100, keep_open=True), arrives=False),
    "length too small": case(ContentLengthOff(-100, when=within)),
    "bytes behind the end": case(ExtraBytes(b"x" * 1000)),
    **{
        f"Content-Length {text!r}": case(ContentLength(text), arrives=False)
        for text in (("{length}", "7"), "6, 7", "12abc", "-5", "+5", "99999999999999999999")
    },
    "Content-Length twice": case(ContentLength(("{length}", "{length}"))),
    "chunked": case(Chunked()),
    "chunked with a length": case(Chunked(with_length="7")),
    "chunked without end": case(ChunkedUnfinished(), arrives=None),
    "chunked cut": case(ChunkedUnfinished(keep_bytes=300_000), arrives=None),
    **{
        f"chunk size {text!r}": case(BadChunkSize(text, chunk=3), arrives=None)
        for text in ("FFFFFFF4", "FFFFFFFFFFFFFFF4", "FFFFFFFFFFFFFFFFF", "-1", "xyz")
    },
    "HTTP/1.0": case(CloseDelimited()),
    "HTTP/1.0 within": case(CloseDelimited(when=within)),
    "cut": case(Cut(300_000, times=4)),
    "cut by reset": case(Cut(300_000, reset=True, times=4)),
    "cut for ever": case(Cut(300_000)),
    "cut at once for ever": case(Cut(0), arrives=False),
    "cut, ranges ignored": case(IgnoreRanges(), Cut(300_000), arrives=False),
    "hang up": case(HangUp(times=1), arrives=None),
    "hang up for ever": case(HangUp(), arrives=False),
    "stall": case(Stall(200_000, times=1)),
    "stall before the head": case(Stall(BEFORE_HEAD), arrives=False),
    "ETag flips": case(FlipETag()),
    "ETag flips, If-Range ignored": case(FlipETag(), IgnoreIfRange()),
    "weak ETag": case(WeakETag()),
    "unquoted ETag": case(UnquotedETag()),
    "no ETag": case(NoETag()),
    "no validators": case(NoValidators()),
    "modified just now": case(ModifiedJustNow(), NoETag()),
    "If-Range ignored": case(IgnoreIfRange()),
    "changed": case(ChangeFile(OTHER), versions=(OTHER,)),
    "changed, If-Range ignored": case(ChangeFile(OTHER), IgnoreIfRange(), versions=(OTHER,)),
    "changed, no ETag": case(ChangeFile(OTHER), NoETag(), IgnoreIfRange(), versions=(OTHER,)),
    "changed, no validators": case(ChangeFile(OTHER, when=within), NoValidators(when=within), versions=(OTHER,)),
    "longer": case(ChangeFile(LONGER), versions=(LONGER,)),
    "longer, no validators": case(ChangeFile(LONGER), NoValidators(), IgnoreIfRange(), versions=(LONGER,)),
    "shorter": case(ChangeFile(SHORTER), versions=(SHORTER,)),
    "shorter, no validators": case(ChangeFile(SHORTER), NoValidators(), IgnoreIfRange(), versions=(SHORTER,)),
    "changed on the way": case(ChangeFile(OTHER, when=after(2)), versions=(OTHER,)),
    "changed on the way, If-Range ignored": case(
        ChangeFile(OTHER, when=after(2)), IgnoreIfRange(), versions=(OTHER,)
    ),
    "changes all the time": case(
        ChangeFile(OTHER, when=lambda request: request.number % 2 == 0), IgnoreIfRange(), Cut(200_000),
        arrives=None, versions=(OTHER,),
    ),
    "416 for every range": case(RefuseRanges()),
    "416 within": case(RefuseRanges(when=within)),
    "416 with another size": case(RefuseRanges(total=12345)),
    "416 without a size": case(RefuseRanges(total="*")),
    "portal": case(HtmlPage(), arrives=False),
    "portal for ranges within": case(HtmlPage(when=within), arrives=None),
    "portal as 206": case(HtmlPage(as_range=True, when=within), arrives=None),
    "gzip": case(Gzip()),
    "gzip within": case(Gzip(when=within)),
    "gzip chunked within": case(Gzip(when=within), Chunked(when=within)),
    "gzip corrupt": case(Gzip(corrupt=True), arrives=False),
    "gzip bomb": case(GzipBomb(64), arrives=None, versions=(Body.of(bytes(64 * MIB)),)),
    "unknown encoding": case(ClaimedEncoding("br"), arrives=False),
    "twenty encodings": case(ClaimedEncoding(", ".join(["gzip"] * 20)), arrives=False),
    "false encoding": case(ClaimedEncoding("gzip"), arrives=False),
    **{f"status {code}": case(Status(code), arrives=False) for code in (
        201, 202, 204, 205, 300, 304, 400, 401, 403, 404, 408, 410, 425, 429, 451, 500, 502, 503, 504, 520, 600, 999,
    )},
    **{f"status {code} within": case(Status(code, when=within), arrives=None) for code in (403, 404, 416, 500, 503)},
    "204 with a body": case(Status(204, body=b"x"), arrives=False),
    "redirect loop": case(RedirectLoop(), arrives=False),
    "redirect loop, growing": case(RedirectLoop(growing=True), arrives=False),
    "redirect hops": case(RedirectHops(10)),
    "redirect to nowhere": case(Redirect(None), arrives=False),
    "redirect to ftp": case(Redirect("ftp://127.0.0.1/x"), arrives=False),
    "redirect to no URL": case(Redirect("http://[oops/"), arrives=False),
    "HTTP/0.9": case(NoHead(), arrives=False),
    "HTTP/1.2": case(StatusLine(b"HTTP/1.2 200 OK"), arrives=None),
    "garbage status": case(StatusLine(b"ICY 200 OK"), arrives=False),
    "garbage": case(RawAnswer(b"\x00\x01\x02" * 100), arrives=False),
    "header without colon": case(RawHeader(b"no colon here"), arrives=None),
    "header with NUL": case(RawHeader(b"X-Nul: a\0b"), arrives=None),
    "folded header": case(RawHeader(b"X-Fold: a\r\n b")),
    "header flood": case(HeaderFlood(), arrives=False),
    "long header": case(LongHeader(), arrives=False),
    "interim answers": case(InterimAnswers(3)),
    "interim storm": case(InterimAnswers(None, headers=b"X: y\r\n"), arrives=False),
    "101": case(StatusLine(b"HTTP/1.1 101 Switching Protocols"), arrives=False),
    "empty and truthful": case(EmptyBody(), versions=(Body.of(b""),)),
    "rotten byte": case(FlippedByte(ROTTEN_AT), versions=(ROTTEN,)),
    "closed without a word": case(CloseAfter()),
    "one connection": case(ConnectionLimit(1), arrives=None),
    "one connection, reset": case(ConnectionLimit(1, reset=True), arrives=None),
    "late": case(Delay(0.1)),
    "login": case(RequireBasic("u", "p"), arrives=False),
    "trailer": case(Chunked(trailer=b'ETag: "x"\r\n')),
    "login by token": case(RequireBearer("t"), arrives=False),
    "login by cookie": case(RequireCookie("a", "b"), arrives=False),
    "login by header": case(RequireHeader("X-Key", "k"), arrives=False),
    "another ETag": case(NewETag('"another"')),
    "HEAD lies": case(LyingHead(7, etag='"lie"')),
    "overwritten in place": case(ChangeWhileSending(OTHER, OVERWRITTEN_AT), arrives=None, versions=(OVERWRITTEN,)),
    "apology under the file's headers": case(OtherBody(SORRY), arrives=None, versions=(SORRY,)),
    "dripping": case(Drip(0.1), arrives=False),
    "slow": case(Throttle(20_000_000)),
    "trailer with NUL": case(Chunked(trailer=b"X: a\0b\r\n"), arrives=None),
    "content type gone": case(WithHeader("Content-Type", None)),
}  # fmt: skip
