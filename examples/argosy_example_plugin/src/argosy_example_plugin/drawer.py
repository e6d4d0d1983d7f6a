"""A source: ``drawer:NAME`` is one file, which needs nobody to be asked."""

from __future__ import annotations

from argosy.core.types import FileSpec, TaskSpec
from argosy.sources.port import Plain, Web


class DrawerSource(Plain):  # noqa: D101 - the module is the source
    name = "drawer"

    def accepts(self, text: str) -> bool:
        return text.startswith("drawer:") and len(text) > len("drawer:")

    def describe(self, text: str) -> FileSpec:
        return FileSpec((text,), text.rpartition("/")[2].removeprefix("drawer:"))

    async def resolve(self, spec: TaskSpec, _: Web) -> list[FileSpec]:
        return [self.describe(spec.source)]
