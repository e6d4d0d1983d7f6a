"""Repositories of the Hugging Face hub: ``hf:org/name@revision``, in the layout of its own cache.

Where no folder is named the files go into the hub's cache as its own library keeps it where there are no symbolic links,
so that ``snapshot_download(local_files_only=True)`` and ``from_pretrained`` find them: ``snapshots/`` with a folder for each
commit, ``refs/`` with what a revision's name stood for.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from argosy.core.checksum import Checksum
from argosy.core.names import safe_path
from argosy.core.types import FileSpec, FileState, TaskSpec, TransferOptions
from argosy.errors import BadResponse, UsageError
from argosy.sources.port import Plain, Web
from argosy.sources.selection import selected

ENDPOINT: Final = "https://huggingface.co"
KINDS: Final = ("models", "datasets", "spaces")
LARGEST_LISTING: Final = 64 * 1024 * 1024
_NAME: Final = re.compile(r"(?:[\w.-]{1,96}/)?[\w.-]{1,96}")
_REVISION: Final = re.compile(r"[\w./-]{1,200}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Repository:
    """What ``hf:`` names."""

    kind: str
    name: str
    revision: str

    @property
    def folder(self) -> str:
        """What the hub's cache calls it."""
        return "--".join((self.kind, *self.name.split("/")))

    @property
    def place(self) -> str:
        """Its path on the hub's pages."""
        return self.name if self.kind == "models" else f"{self.kind}/{self.name}"


def parse(text: str) -> Repository:
    """Return what ``hf:[datasets/]org/name[@revision]`` names. Raises UsageError."""
    rest = text.partition(":")[2].strip("/")
    kind, slash, name = rest.partition("/")
    if not slash or kind not in KINDS:
        kind, name = "models", rest
    name, _, revision = name.partition("@")
    revision = revision or "main"
    if not _NAME.fullmatch(name) or ".." in name or not _REVISION.fullmatch(revision) or ".." in revision:
        raise UsageError(
            f"not a repository: {text[:200]!r}", hint="write hf:org/name, hf:org/name@revision or hf:datasets/org/name"
        )
    return Repository(kind, name, revision)


def endpoint(environ: Mapping[str, str] | None = None) -> str:
    return (os.environ if environ is None else environ).get("HF_ENDPOINT", ENDPOINT).rstrip("/")


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the hub's own library keeps repositories."""
    environ = os.environ if environ is None else environ
    if "HF_HUB_CACHE" in environ:
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    home = environ.get("HF_HOME") or Path(environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(home).expanduser() / "hub"


def token(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the hub's token as its own library finds it."""
    environ = os.environ if environ is None else environ
    if environ.get("HF_TOKEN"):
        return environ["HF_TOKEN"].strip()
    home = environ.get("HF_HOME") or Path(environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    kept = Path(environ.get("HF_TOKEN_PATH", Path(home) / "token")).expanduser()
    with suppress(OSError):
        return kept.read_text().strip() or None
    return None


class HuggingFaceSource(Plain):
    """``hf:`` names."""

    name = "huggingface"
    lists_sizes = True

    def accepts(self, text: str) -> bool:
        return text.lower().startswith("hf:")

    def describe(self, text: str) -> FileSpec | None:
        parse(text)
        return None

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Without a folder: into the hub's cache, where a file of the same commit and name is the same file."""
        secret = None if options.public_only else token()
        if secret is not None and not any(name.lower() == "authorization" for name, _ in options.headers):
            options = replace(options, headers=(*options.headers, ("Authorization", f"Bearer {secret}")))
        if directory is not None:
            return directory, options
        return str(cache_folder() / parse(text).folder), replace(options, if_exists="skip", keep_time=False)

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        repository = parse(spec.source)
        base = endpoint()
        commit, siblings = await self._listing(repository, base, web)
        keeps = selected(spec.include, spec.exclude)
        below = f"snapshots/{commit}/" if _is_cache(spec, repository) else ""
        found = []
        for each in siblings:
            path = "/".join(safe_path(str(each.get("rfilename", ""))))
            if keeps(path):
                found.append(_file(each, below + path, f"{base}/{repository.place}/resolve/{commit}/{quote(path)}"))
        if not found:
            raise UsageError(
                f"{spec.source} has no such file", hint="see --include and --exclude", code="nothing_selected"
            )
        return found

    async def _listing(self, repository: Repository, base: str, web: Web) -> tuple[str, list[dict[str, Any]]]:
        url = (
            f"{base}/api/{repository.kind}/{repository.name}/revision/{quote(repository.revision, safe='')}?blobs=true"
        )
        data = await web.read(url, limit=LARGEST_LISTING, headers=(("Accept", "application/json"),))
        try:
            told = json.loads(data)
            commit, siblings = told["sha"], told["siblings"]
        except (ValueError, KeyError, TypeError):
            raise BadResponse("the hub's answer is no list of files", code="listing") from None
        if not _COMMIT.fullmatch(str(commit)) or not isinstance(siblings, list):
            raise BadResponse("the hub's answer names no commit", code="listing")
        return commit, siblings

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Note what the revision stands for, now that all of it is here."""
        repository = parse(spec.source)
        commits = {(file.path or "").split("/")[1] for file in files if (file.path or "").startswith("snapshots/")}
        if _is_cache(spec, repository) and len(commits) == 1 and repository.revision not in commits:
            await asyncio.to_thread(_refer, Path(spec.directory, "refs", repository.revision), commits.pop())

    def place(self, spec: TaskSpec, published: Sequence[str]) -> str:
        """The snapshot's folder: what ``from_pretrained`` takes."""
        if _is_cache(spec, parse(spec.source)):
            return "/".join((spec.directory, *published[0].split("/")[:2]))
        return spec.directory


def _is_cache(spec: TaskSpec, repository: Repository) -> bool:
    """A folder that is called as the hub's cache calls it has the cache's layout."""
    return Path(spec.directory).name == repository.folder


def _file(each: dict[str, Any], path: str, url: str) -> FileSpec:
    """Return the file. The hub tells the SHA-256 of large files; of small ones only git's own id."""
    lfs = each.get("lfs") or {}
    sha256 = str(lfs.get("sha256") or lfs.get("oid") or "")
    size = lfs.get("size", each.get("size"))
    return FileSpec(
        (url,), path, size if isinstance(size, int) else None, Checksum("sha256", sha256) if _SHA256.fullmatch(sha256) else None
    )  # fmt: skip


def _refer(reference: Path, commit: str) -> None:
    reference.parent.mkdir(parents=True, exist_ok=True)
    draft = reference.with_name(f".{reference.name}.new")
    draft.write_text(commit)
    draft.replace(reference)
