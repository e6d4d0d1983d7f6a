"""A dataset in a bucket: thousands of files of mixed size, listed and fetched by everybody from the same server."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

from bench import payload, servers
from bench.case import Bench, Case, Entrant, folders
from bench.measure import Sample, run
from bench.tools import ARGOSY, AWS, OBSTORE, RCLONE, Order, Tool, environment

BUCKET = "data"
PAGE = 1000
SIZES = (0, 300, 900, 1_800, 2_500, 6_000, 12_000, 40_000, 90_000, 400_000)
"""Bytes, in turn: sidecars and tables are most of a dataset's files, images most of its bytes."""
OURS = ".argosy.lock.json"
"""What Argosy leaves beside the files, on purpose."""


@contextmanager
def dataset(bench: Bench) -> Iterator[Case]:
    count = bench.scale.small_files
    with folders(bench, "dataset") as folder:
        root = payload.emptied(folder / "root")
        files = make_tree(root / BUCKET, count)
        make_listing(root / "listing", root / BUCKET, files)
        with servers.nginx(root, payload.emptied(folder / "nginx"), bench.scale.limited_rate) as nginx:
            field = Field(bench, folder, root / BUCKET, files, nginx.plain)
            entrants = (
                field.entrant(ARGOSY, "argosy"),
                field.entrant(AWS, "aws s3 cp --recursive", once=not bench.scale.bystanders),
                field.entrant(RCLONE, "rclone copy"),
                field.entrant(OBSTORE, "a script with obstore"),
            )
            size = sum((root / BUCKET / name).stat().st_size for name in files)
            title = f"A dataset of {count:,} files, {size / 1e6:,.0f} MB, from a bucket (nginx with a fixed listing)"
            yield Case("dataset", title, "files", count, entrants, warm_up=bench.scale.warm_up)


@dataclass(slots=True, frozen=True)
class Field:
    """Where the entrants play."""

    bench: Bench
    folder: Path
    wanted: Path
    files: list[str]
    endpoint: str

    def entrant(self, tool: Tool, label: str, *, once: bool = False) -> Entrant:
        shown = shlex.join(tool.command(replace(self._order(), urls=("ENDPOINT",)))).replace(str(self.folder), "DIR")
        return Entrant(label, tool.name, lambda: self._attempt(tool), shown, once)

    def _order(self) -> Order:
        return Order(
            (self.endpoint,), self.folder / "out", payload.emptied(self.folder / "scratch"),
            parallel=self.bench.scale.parallel, bucket=BUCKET,
        )  # fmt: skip

    def _attempt(self, tool: Tool) -> Sample:
        order = self._order()
        out, state = payload.emptied(order.folder), payload.emptied(self.bench.state / "home")
        argv = tool.command(order)
        sample = run(argv, order.scratch, environment(order.scratch, state), self.bench.scale.patience_s)
        problem = sample.problem or self._difference(out)
        payload.emptied(out)
        return replace(sample, problem=problem)

    def _difference(self, out: Path) -> str | None:
        """What is wrong with the tree that came, which should be that of the bucket byte for byte."""
        there = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} - {OURS}
        if missing := set(self.files) - there:
            return f"{len(missing)} of {len(self.files)} files missing"
        if extra := there - set(self.files):
            return f"left behind: {min(extra)}"
        wrong = [name for name in self.files if not payload.same(self.wanted / name, out / name)]
        return f"{len(wrong)} of {len(self.files)} files with wrong bytes" if wrong else None


def make_tree(folder: Path, count: int) -> list[str]:
    """`folder` has `count` files as BIDS names them; returns their paths."""
    names: list[str] = []
    for number in range(count):
        subject, at = divmod(number, 50)
        place = f"sub-{subject:03}/{'anat' if at % 5 == 0 else 'func'}"
        names.append(f"{place}/sub-{subject:03}_task-rest_run-{at:02}_bold.{'nii' if at % 2 else 'json'}")
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / names[-1]).write_bytes(os.urandom(SIZES[number % len(SIZES)]))
    return sorted(names)


def make_listing(folder: Path, bucket: Path, files: list[str]) -> None:
    """`folder` has the pages of a ListObjectsV2 of the bucket, from `0.xml`."""
    folder.mkdir()
    pages = [files[at : at + PAGE] for at in range(0, len(files), PAGE)]
    for number, page in enumerate(pages):
        last = number == len(pages) - 1
        token = "" if last else f"<NextContinuationToken>p{number + 1}</NextContinuationToken>"
        rows = "".join(_row(bucket, name) for name in page)
        (folder / f"{number}.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix></Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{'false' if last else 'true'}</IsTruncated>{token}{rows}</ListBucketResult>\n"
        )


def _row(bucket: Path, name: str) -> str:
    body = (bucket / name).read_bytes()
    return (
        f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
        f"<ETag>&quot;{hashlib.md5(body, usedforsecurity=False).hexdigest()}&quot;</ETag><Size>{len(body)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )
