"""From what somebody sent to what the runtime is asked for: within the rights of who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from argosy.core import checksum, pieces
from argosy.core.names import safe_path
from argosy.core.pieces import Pieces
from argosy.core.types import FileSpec, Queue, TaskId, TransferOptions
from argosy.errors import UsageError
from argosy.runtime.admission import Request
from argosy.service.asking.form import NewFile, NewTask, Options, Wanted
from argosy.service.context import Service
from argosy.service.security.principal import Principal
from argosy.service.tasks import placement
from argosy.sources.http import check

OWNERS: Final = (
    "cookie_file", "netrc_file", "proxy", "ca_file", "insecure", "client_cert", "client_key",
)  # fmt: skip
"""Options that read files of this machine, go round its proxy, or trust less."""
FRAMING: Final = frozenset(
    [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "range",
        "if-range",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "accept-encoding",
        "expect",
        "proxy-authorization",
        "proxy-connection",
    ]
)
"""Headers that are the transfer's own."""
OPEN_ENGINES: Final = frozenset({None, "curl"})
"""Engines that keep to public addresses by themselves."""


def request_of(wanted: Wanted, service: Service, asker: Principal, task_id: TaskId | None = None) -> Request:
    """Return what is asked of the runtime. Raises UsageError for what does not go together, or is not for this asker."""
    if (wanted.source is None) == (wanted.files is None):
        raise UsageError("either source or files says what to download", hint="give one of them", code="usage")
    if wanted.engine not in OPEN_ENGINES and not asker.trusted:
        raise _owners_only("engine")
    runtime = service.runtime
    folder: str | None = None
    if wanted.directory is not None or not asker.trusted:  # a source may have a place of its own, which is the owner's
        folder = placement.resolve(wanted.directory, asker, service.settings, runtime.directory)
    source: str | list[str] = wanted.source or []
    asked = Request(
        source=source[0] if len(source) == 1 else source,
        directory=folder,
        name=_name(wanted, asker),
        mirrors=tuple(wanted.mirrors),
        checksum=wanted.checksum,
        size=wanted.size,
        pieces=_pieces(wanted),
        options=options_of(wanted.options, runtime.settings.options(), asker),
        engine=wanted.engine,
        include=tuple(wanted.include),
        exclude=tuple(wanted.exclude),
        files=tuple(map(_file, wanted.files or ())),
        id=task_id,
        max_retries=runtime.settings["retries"],
    )
    return _scheduled(asked, wanted) if isinstance(wanted, NewTask) else asked


def _name(wanted: Wanted, asker: Principal) -> str | None:
    """Return what the file is to be called: the owner may choose any name, others get one that is safe."""
    return wanted.name if wanted.name is None or asker.trusted else "/".join(safe_path(wanted.name))


def _scheduled(asked: Request, wanted: NewTask) -> Request:
    if wanted.callback is not None and check(wanted.callback).scheme.lower() not in ("http", "https"):
        raise UsageError("a callback is told by http or https", hint="give such a URL", code="scheme")
    return replace(
        asked,
        priority=wanted.priority,
        queue=Queue[wanted.queue.upper()],
        paused=wanted.paused,
        start_at=wanted.start_at,
        max_retries=asked.max_retries if wanted.max_retries is None else wanted.max_retries,
        callback=wanted.callback,
    )


def _file(wanted: NewFile) -> FileSpec:
    for url in wanted.urls:
        check(url)
    return FileSpec(
        tuple(wanted.urls), None if wanted.path is None else "/".join(safe_path(wanted.path)), wanted.size,
        None if wanted.checksum is None else checksum.parse(wanted.checksum), pieces=_pieces(wanted),
    )  # fmt: skip


def _pieces(wanted: Wanted | NewFile) -> Pieces | None:
    stated = wanted.pieces
    return None if stated is None else pieces.checked(stated.algorithm, stated.length, stated.hashes, wanted.size)


def options_of(wanted: Options, base: TransferOptions, asker: Principal) -> TransferOptions:
    """Return ``base`` with what is wanted otherwise. Who is not trusted gets public addresses and no passwords of ours."""
    options = replace(base, **changes_of(wanted, asker))
    return options if asker.trusted else replace(options, public_only=True, netrc=False)


def changes_of(wanted: Options, asker: Principal) -> dict[str, Any]:
    """Return the fields of the transfer options that are to be set. Raises UsageError, code ``option_forbidden``."""
    given = {name: value for name, value in wanted if value is not None}
    if not asker.trusted:
        given.pop("netrc", None)
        forbidden = [name for name in OWNERS if given.get(name) not in (None, False)]
        if forbidden:
            raise _owners_only(forbidden[0])
    given |= {name: tuple(given[name]) for name in ("subtitles", "languages", "headers") if name in given}
    if "headers" in given:
        for name, _ in given["headers"]:
            if name.lower() in FRAMING:
                raise UsageError(
                    f"the header {name} is not for you to set",
                    hint="leave it out: transfers set their own",
                    code="option_forbidden",
                )
    if given.get("sidecar") not in (None, "auto"):
        check(given["sidecar"])
    return given


def _owners_only(name: str) -> UsageError:
    return UsageError(
        f"{name} can only be set by the owner of the service's machine",
        hint="leave it out, or ask through the Unix socket", code="option_forbidden",
    )  # fmt: skip
