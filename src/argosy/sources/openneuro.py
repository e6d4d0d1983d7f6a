"""Datasets of OpenNeuro: ``openneuro:ds000001@1.0.0?subject=01,02&datatype=func``.

The API tells the files of a snapshot, each with a link to its very version; without a snapshot it is the latest one. The
filters are those of BIDS. What stands at the top of a dataset is always included: without it the rest means nothing.
Beside the dataset's folder a lock file keeps what came: path, size, checksum and source of every file.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from argosy.core.names import safe_path
from argosy.core.types import FileSpec, TaskSpec, TransferOptions
from argosy.errors import BadResponse, ServerRefused, UsageError
from argosy.sources.locked import Locked
from argosy.sources.port import Web
from argosy.sources.selection import selected

ENDPOINT: Final = "https://openneuro.org/crn/graphql"
VARIABLE: Final = "ARGOSY_OPENNEURO_ENDPOINT"
LARGEST_ANSWER: Final = 64 * 1024 * 1024
MOST_FILES: Final = 1_000_000
ASKED_AT_ONCE: Final = 8
ENTITIES: Final = ("subject", "session", "task", "run", "acquisition", "datatype", "suffix")
SHORT: Final = {"subject": "sub", "session": "ses", "task": "task", "run": "run", "acquisition": "acq"}
"""As they are written in names: ``sub-01``."""
LATEST: Final = "query ($id: ID!) { dataset(id: $id) { latestSnapshot { tag } } }"
TREE: Final = (
    "query ($id: ID!, $tag: String!, $tree: String) { snapshot(datasetId: $id, tag: $tag) "
    "{ files(tree: $tree) { id filename size directory urls } } }"
)
_DATASET: Final = re.compile(r"ds\d{6}")
_TAG: Final = re.compile(r"[\w.-]{1,64}")
_VALUE: Final = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: a dataset, one of its snapshots (None: the latest), and what of it."""

    dataset: str
    tag: str | None
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def keeps(self, path: str) -> bool:
        """Tell whether the file is of what was asked for. A file that says nothing of an entity is common to all of it
        in its folder (BIDS's inheritance), but a datatype and a suffix every file has.
        """
        folder, _, name = path.rpartition("/")
        if not folder:
            return True
        stem = name.partition(".")[0]
        told = dict(part.partition("-")[::2] for part in (*folder.split("/"), *stem.split("_")) if "-" in part)
        for entity, values in self.filters.items():
            if entity == "datatype":
                if folder.rpartition("/")[2] not in values:
                    return False
            elif entity == "suffix":
                if stem.rpartition("_")[2] not in values:
                    return False
            elif told.get(SHORT[entity], "") not in values | {""}:
                return False
        return "subject" not in self.filters or "sub" in told


def parse(text: str) -> Wanted:
    """Return what ``openneuro:ds000001[@tag][?filters]`` asks for. Raises UsageError."""
    parts = urlsplit(text.partition(":")[2])
    dataset, _, tag = parts.path.strip("/").partition("@")
    if not _DATASET.fullmatch(dataset) or (tag and not _TAG.fullmatch(tag)):
        raise UsageError(f"not a dataset: {text[:200]!r}", hint="write openneuro:ds000001 or openneuro:ds000001@1.0.0")
    filters: dict[str, frozenset[str]] = {}
    for entity, texts in parse_qs(parts.query, keep_blank_values=True).items():
        written = f"{SHORT.get(entity, entity)}-"
        values = frozenset(value.strip().removeprefix(written) for text in texts for value in text.split(","))
        if entity not in ENTITIES or not all(_VALUE.fullmatch(value) for value in values):
            raise UsageError(
                f"no filter of BIDS: {entity}={','.join(sorted(values))}"[:200], hint=f"known: {', '.join(ENTITIES)}"
            )
        filters[entity] = values
    return Wanted(dataset, tag or None, filters)


class OpenNeuroSource(Locked):
    """``openneuro:`` names."""

    name = "openneuro"
    arrives_whole = True
    lists_sizes = True

    def accepts(self, text: str) -> bool:
        return text.lower().startswith("openneuro:")

    def describe(self, text: str) -> FileSpec | None:
        parse(text)
        return None

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Without a folder: one that is called as the dataset."""
        return directory or parse(text).dataset, options

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        wanted = parse(spec.source)
        catalogue = Snapshot(wanted.dataset, wanted.tag or await _latest(wanted.dataset, web), web)
        keeps = selected(spec.include, spec.exclude)
        files = [file for file in await catalogue.files() if _is_kept(file.path or "", wanted, keeps)]
        if not files:
            raise UsageError(
                f"{spec.source} has no such file",
                hint="see the filters, --include and --exclude",
                code="nothing_selected",
            )
        return files


def _is_kept(path: str, wanted: Wanted, keeps: Any) -> bool:  # noqa: ANN401 - a function
    return "/" not in path or (wanted.keeps(path) and keeps(path))


async def _latest(dataset: str, web: Web) -> str:
    answer = await ask(web, LATEST, {"id": dataset})
    try:
        tag = answer["dataset"]["latestSnapshot"]["tag"]
    except (KeyError, TypeError):
        raise ServerRefused(
            f"there is no dataset {dataset}, or it has no snapshot", hint="check it at openneuro.org", code="http_404"
        ) from None
    return str(tag)


class Snapshot:
    """The files of one snapshot, folder by folder."""

    def __init__(self, dataset: str, tag: str, web: Web) -> None:
        self._dataset = dataset
        self._tag = tag
        self._web = web
        self._gate = asyncio.Semaphore(ASKED_AT_ONCE)
        self._count = 0

    async def files(self) -> list[FileSpec]:
        """Return all of them, by path."""
        found = await self._folder(None, "")
        return sorted(found, key=lambda file: file.path or "")

    async def _folder(self, tree: str | None, above: str) -> list[FileSpec]:
        async with self._gate:
            answer = await ask(self._web, TREE, {"id": self._dataset, "tag": self._tag, "tree": tree})
        snapshot = answer.get("snapshot")
        if not isinstance(snapshot, dict) or not isinstance(snapshot.get("files"), list):
            raise ServerRefused(
                f"there is no snapshot {self._tag} of {self._dataset}",
                hint="check it at openneuro.org",
                code="http_404",
            )
        folders, found = [], []
        for each in snapshot["files"]:
            path = "/".join(safe_path(above + str(each.get("filename", "")).rpartition("/")[2]))
            if each.get("directory"):
                folders.append(self._folder(str(each.get("id")), f"{path}/"))
            else:
                found.append(_file(each, path))
        self._count += len(found)
        if self._count > MOST_FILES:
            raise BadResponse(f"the snapshot lists more than {MOST_FILES:,} files", code="listing")
        for below in await asyncio.gather(*folders):
            found += below
        return found


def _file(each: Mapping[str, Any], path: str) -> FileSpec:
    urls = tuple(
        url for url in each.get("urls") or () if isinstance(url, str) and url.startswith(("https://", "http://"))
    )
    if not urls:
        raise BadResponse(
            f"the snapshot gives no link to {path}",
            hint="it may still be on its way to the public bucket",
            code="listing",
        )
    size = each.get("size")
    return FileSpec(urls, path, size if isinstance(size, int) else None)


async def ask(web: Web, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
    """Return the data of the API's answer. Raises ServerRefused with what the API complains of, or BadResponse."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = (("Content-Type", "application/json"), ("Accept", "application/json"))
    data = await web.read(os.environ.get(VARIABLE, ENDPOINT), limit=LARGEST_ANSWER, headers=headers, body=body)
    try:
        answer = json.loads(data)
        errors, found = answer.get("errors"), answer.get("data")
    except (ValueError, AttributeError, RecursionError):
        raise BadResponse("OpenNeuro's answer makes no sense", code="listing", retryable=True) from None
    if errors:
        told = str(errors[0].get("message", errors[0]) if isinstance(errors[0], dict) else errors[0])[:200]
        raise ServerRefused(
            f"OpenNeuro refuses: {told}", hint="check the dataset's name at openneuro.org", code="refused_query"
        )
    if not isinstance(found, dict):
        raise BadResponse("OpenNeuro's answer has no data", code="listing", retryable=True)
    return found
