"""When the head of an answer has come: what its body is for the file, before a byte of it is used."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from argosy.core import answer
from argosy.core.header import Match, Validators
from argosy.engines.curl.decode import Decoder
from argosy.engines.curl.origin import REDIRECTS
from argosy.engines.curl.signal import Changed, Unusable
from argosy.engines.facts import described, facts_of
from argosy.errors import BadResponse

if TYPE_CHECKING:
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.stream import Stream

OVERLAP_BYTES: Final = 1024
"""Ranges are asked for from so many bytes before the missing ones: the answer has to bring there what we have."""
EARLY_BYTES: Final = 1024 * 1024
"""An answer may begin so much earlier than asked, as those of caches that keep blocks do."""
LADDER_BYTES: Final = 1024 * 1024
"""Holding less than this, a whole body is taken instead of asking in other words."""


class Arrivals:
    """Decides, for one fetch, what each answer means and makes its stream ready for the body."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._holding = fetch.holding

    def head_came(self, stream: Stream) -> None:
        """Let the stream take its body, or raise why not."""
        if stream.origin.is_http and stream.head.status in REDIRECTS:
            stream.redirect = stream.head.get("location") or ""
            return
        match self._judge(stream) if stream.origin.is_http else self._judge_ftp(stream):
            case answer.Take() as take:
                self._take(stream, take)
            case answer.Whole() as whole:
                self._take_whole(stream, whole)
            case answer.AllHeld(total=total):
                self._all_held(total)
            case answer.Different(why=why):
                self._check_mirror(stream, why)
                raise Changed(why)
            case answer.Unranged(why=why):
                stream.origin.ranges = False
                raise Unusable(why)
            case answer.Refused(error=error):
                raise error
            case answer.Untouched():
                raise BadResponse("304 came although nothing conditional was asked", code="no_content")
        stream.origin.arrived()

    def _judge(self, stream: Stream) -> answer.Verdict:
        known = self._holding.known(stream.origin)
        return answer.judge(stream.head, stream.request.asked, known, now=time.time())

    def _judge_ftp(self, stream: Stream) -> answer.Verdict:
        """FTP and SFTP tell a size and a time; what is held is compared by its bytes."""
        holding, asked = self._holding, stream.request.asked
        length, moment = stream.told_length, stream.told_time
        total = None if length is None or asked.last is not None else asked.first + length
        modified = None if moment is None else time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))
        validators = Validators(None, modified, False, total)
        if holding.ranges.received and holding.validators.matches(validators) is Match.DIFFERENT:
            return answer.Different("its size or time changed")
        if not asked.ranged or (total is None and not holding.ranges.received):  # its end is told by success then
            return answer.Whole(total, validators, Match.UNKNOWN)
        return answer.Take(asked.first, asked.last, total, validators, proven=not holding.ranges.received)

    def _take(self, stream: Stream, take: answer.Take) -> None:
        """A range comes. Bytes before the missing ones are compared; that is all the proof there is if ``take`` is
        not proven, unless a checksum will tell in the end.
        """
        holding = self._holding
        self._check_encoding(stream)
        if holding.blank:
            self._check_kind(stream, take.total)
            self._meet(stream, take.validators, take.total, resumable=True)
        piece = stream.piece
        assert piece is not None
        skip = piece.position - take.first
        if skip > EARLY_BYTES:
            stream.origin.ranges = False
            raise Unusable(f"asked for bytes from {stream.request.asked.first}, the answer begins at {take.first}")
        if not take.proven and holding.state.checksum is None and not self._comparable(piece.position, skip):
            raise Unusable("nothing proves that it is still the same file")
        if take.total is not None and holding.ranges.size is None:
            holding.learn_size(take.total)
        if stream.origin.version is None:
            stream.origin.version = replace(take.validators, length=holding.ranges.size)
        stream.take(skip, None if take.last is None else take.last + 1, open_end=holding.ranges.size is None)

    def _comparable(self, position: int, skip: int) -> bool:
        overlap = min(OVERLAP_BYTES, position)
        return skip >= overlap and self._holding.ranges.holds(position - overlap, position)

    def _take_whole(self, stream: Stream, whole: answer.Whole) -> None:
        """The whole file comes. Use it if that loses nothing, or if there is no way left to go on from what is held."""
        fetch, holding, origin = self._fetch, self._holding, stream.origin
        self._check_kind(stream, whole.total)
        others = fetch.others(stream)
        changed = whole.same is Match.DIFFERENT
        version = holding.version_at(origin)
        if changed:
            self._check_mirror(stream, "its length differs")
        elif stream.request.asked.ranged:
            if others:
                origin.ranges = False
                raise Unusable("the server sends everything where a range was asked for")
            hopeful = holding.state.resumable is not False and holding.ranges.received >= LADDER_BYTES
            if hopeful and origin.weaken(version):
                raise Unusable("the server does not honour this form of If-Range")
            origin.ranges = False
        if holding.ranges.received or others:
            why = "it changed on the server" if changed else "the server sends it from the beginning"
            fetch.setbacks.restart(why, changed=changed, siblings=bool(others))
            fetch.abandon(others)
        total = version.length if whole.total is None and whole.same is Match.SAME else whole.total
        validators, resumable = whole.validators, changed and origin.ranges
        coding = answer.decoding(stream.head, self._probable_name(stream))
        if coding is not None:
            stream.decoder, total, validators, resumable, origin.ranges = (
                Decoder(coding),
                None,
                Validators(),
                False,
                False,
            )
        holding.start_over(total)
        holding.decoded = coding is not None
        self._meet(stream, validators, total, resumable=resumable)
        stream.take(0, total)

    def _all_held(self, total: int) -> None:
        """There is nothing beyond what is held: fits if that is one stretch from the beginning."""
        if not self._holding.ranges.holds(0, total):
            raise Changed("the file ends before what is held of it")
        self._holding.learn_size(total)

    def _check_mirror(self, stream: Stream, why: str) -> None:
        """Raise if it is a mirror that never had the file we hold: that is no reason to begin again."""
        if self._holding.may_mix and self._holding.ranges.received and stream.origin.version is None:
            raise BadResponse(f"another file than elsewhere: {why}", code="mirror_differs")

    def _check_encoding(self, stream: Stream) -> None:
        """Raise for a range of something encoded: what is held is not."""
        if answer.decoding(stream.head, self._probable_name(stream)) is not None:
            stream.origin.ranges = False
            raise Unusable("the range came compressed")

    def _meet(self, stream: Stream, validators: Validators, total: int | None, *, resumable: bool) -> None:
        """An answer describes the file: remember its version, size it, name it, give the stream its first piece."""
        holding, head = self._holding, stream.head
        self._compare_announced(total)
        version = validators if validators.length == total else replace(validators, length=total)
        holding.validators = stream.origin.version = version
        facts = facts_of(head, stream.request.url, validators, total, resumable=resumable)
        holding.state = described(holding.state, facts)
        if total is not None and holding.ranges.size is None:
            holding.learn_size(total)
        if not holding.placed:
            holding.place(facts)
        piece = holding.ranges.pieces[0]
        piece.owned, stream.piece = True, piece
        holding.ledger.begin(piece)
        holding.blank = False

    def _compare_announced(self, total: int | None) -> None:
        announced = self._holding.state.size
        if announced is not None and total is not None and announced != total and not self._holding.placed:
            warning = f"{announced:,} bytes were announced, the server has {total:,}"
            self._fetch.desk.warn("size_differs", warning)

    def _check_kind(self, stream: Stream, total: int | None) -> None:
        """Raise for a web page where another kind of file was promised."""
        state, ranges = self._holding.state, self._holding.ranges
        if self._fetch.options.allow_html or state.content_type in answer.HTML:
            return
        promised = state.size is not None and state.size != total
        if answer.is_unexpected_page(stream.head, self._probable_name(stream), promised=promised):
            page = answer.web_page()
            if ranges.received:
                raise page
            raise BadResponse(
                page.message, hint="open the URL in a browser; --allow-html takes it as it is", code=page.detail_code
            )

    def _probable_name(self, stream: Stream) -> str:
        path = self._holding.state.path or stream.origin.original.split("?")[0]
        return path.rsplit("/", 1)[-1]
