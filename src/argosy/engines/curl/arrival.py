"""When the head of an answer has come: what its body is for the file, before a byte of it is used."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from argosy.core import answer
from argosy.core.checksum import parse_digest_header
from argosy.core.header import Match, Validators
from argosy.engines.curl.decode import Decoder
from argosy.engines.curl.signal import Changed, Unusable
from argosy.engines.port import Facts
from argosy.errors import BadResponse

if TYPE_CHECKING:
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.stream import Stream

OVERLAP_BYTES: Final = 1024
"""So many held bytes are fetched again and compared before a resumed piece grows."""
LADDER_BYTES: Final = 1024 * 1024
"""Holding less than this, a whole body is taken instead of asking in other words."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Arrivals:
    """Decides, for one fetch, what each answer means and makes its stream ready for the body."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._holding = fetch.holding

    def head_came(self, stream: Stream) -> None:
        """Let the stream take its body, or say why not in its ``error``. Raises an ArgosyError for the same."""
        is_http = stream.request.url.startswith("http")
        if is_http and stream.head.status in REDIRECTS:
            stream.redirect = stream.head.get("location") or ""
            return
        match self._judge(stream) if is_http else self._judge_ftp(stream):
            case answer.Take() as take:
                self._take(stream, take)
            case answer.Whole() as whole:
                self._take_whole(stream, whole)
            case answer.AllHeld(total=total):
                self._holding.learn_size(total)
            case answer.Different(why=why):
                raise Changed(why)
            case answer.Unranged(why=why):
                stream.origin.ranges = False
                raise Unusable(why)
            case answer.Refused(error=error):
                raise error
            case answer.Untouched():
                raise BadResponse("304 came although nothing conditional was asked", code="no_content")

    def _judge(self, stream: Stream) -> answer.Verdict:
        known = self._holding.known()
        return answer.judge(stream.head, stream.request.asked, known, now=time.time(), url=stream.request.url)

    def _judge_ftp(self, stream: Stream) -> answer.Verdict:
        """FTP and SFTP tell a size and a time; what is held is compared by its bytes."""
        holding, first = self._holding, stream.request.asked.first
        length, moment = stream.told_length, stream.told_time
        total = None if length is None else first + length
        modified = None if moment is None else time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))
        validators = Validators(None, modified, False, total)
        if holding.known().any and holding.validators.matches(validators) is Match.DIFFERENT:
            return answer.Different("its size or time changed")
        return answer.Take(first, None, total, validators, proven=not holding.ranges.received)

    def _take(self, stream: Stream, take: answer.Take) -> None:
        holding = self._holding
        self._check_kind(stream, take.total)
        if not holding.placed:
            self._meet(stream, take.validators, take.total, resumable=True)
        elif take.total is not None and holding.ranges.size is None:
            holding.learn_size(take.total)
        piece = stream.piece
        assert piece is not None
        skip = piece.position - take.first
        if skip > OVERLAP_BYTES:
            stream.origin.ranges = False
            raise Unusable(f"asked for bytes from {stream.request.asked.first}, the answer begins at {take.first}")
        if not take.proven and piece.position and skip < min(OVERLAP_BYTES, piece.position):
            raise Changed("nothing proves that it is still the same file")
        stream.take(skip)

    def _take_whole(self, stream: Stream, whole: answer.Whole) -> None:
        """The whole file comes. Use it if that loses nothing, or if there is no way left to go on from what is held."""
        fetch, holding = self._fetch, self._holding
        self._check_kind(stream, whole.total)
        asked_range = stream.request.asked.ranged
        others = fetch.others(stream)
        changed = whole.same is Match.DIFFERENT
        if others and not changed:
            stream.origin.ranges = False
            raise Unusable("the server sends everything where a range was asked for")
        worth_asking = asked_range and holding.ranges.received >= LADDER_BYTES
        if not changed and worth_asking and stream.origin.weaken(holding.validators):
            raise Unusable("the server does not honour this form of If-Range")
        if asked_range and not changed:
            stream.origin.ranges = False
        if holding.ranges.received or others:
            why = "it changed on the server" if changed else "the server sends it from the beginning"
            fetch.setbacks.restart(why, changed=changed)
            fetch.abandon(others)
        holding.start_over(whole.total)
        self._meet(stream, whole.validators, whole.total, resumable=changed and stream.origin.ranges)
        stream.take(0)

    def _meet(self, stream: Stream, validators: Validators, total: int | None, *, resumable: bool) -> None:
        """An answer describes the file: remember its version, size it, name it, give the stream its first piece."""
        holding, head = self._holding, stream.head
        coding = answer.decoding(head, self._probable_name(stream))
        if coding is not None:
            stream.decoder, total, resumable, validators = Decoder(coding), None, False, Validators()
            stream.origin.ranges = False
        self._compare_announced(total)
        holding.validators = replace(validators, length=total)
        holding.state = replace(
            holding.state,
            size=total,
            etag=validators.etag,
            last_modified=validators.last_modified,
            date_is_strong=validators.strong_date,
            content_type=head.content_type,
            resumable=resumable and stream.origin.ranges,
        )
        if total is not None and holding.ranges.size is None:
            holding.learn_size(total)
        if not holding.placed:
            holding.place(self._facts(stream, validators, total, resumable))
        piece = holding.ranges.pieces[0]
        piece.owned, stream.piece = True, piece
        holding.ledger.begin(piece)

    def _compare_announced(self, total: int | None) -> None:
        announced = self._holding.state.size
        if announced is not None and total is not None and announced != total and not self._holding.placed:
            warning = f"{announced:,} bytes were announced, the server has {total:,}"
            self._fetch.desk.warn("size_differs", warning)

    def _facts(self, stream: Stream, validators: Validators, total: int | None, resumable: bool) -> Facts:
        head = stream.head
        listed = (parse_digest_header(head.get(name) or "") for name in ("repr-digest", "digest"))
        return Facts(
            stream.request.url, total, validators.etag, validators.last_modified, validators.strong_date,
            head.content_type, head.get("content-disposition"),
            tuple(str(digest) for digest in listed if digest is not None), resumable,
        )  # fmt: skip

    def _check_kind(self, stream: Stream, total: int | None) -> None:
        """Raise for a web page where another kind of file was promised."""
        state = self._holding.state
        if self._fetch.options.allow_html:
            return
        promised = state.size if state.size != total else None
        if answer.is_unexpected_page(stream.head, self._probable_name(stream), promised):
            page = answer.web_page()
            if self._holding.ranges.received:
                raise page
            raise BadResponse(page.message, hint="open the URL in a browser; --allow-html takes it as it is", code=page.detail_code)

    def _probable_name(self, stream: Stream) -> str:
        path = self._holding.state.path or stream.origin.original.split("?")[0]
        return path.rsplit("/", 1)[-1]
