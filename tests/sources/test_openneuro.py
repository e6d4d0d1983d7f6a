"""Datasets: an API that speaks OpenNeuro's GraphQL, and a bucket with the files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from argosy import Request, Runtime
from argosy.core.types import Status
from argosy.errors import ArgosyError, UsageError
from argosy.sources.lock import read
from argosy.sources.openneuro import OpenNeuroSource, parse
from argosy.testing.server import FaultyServer
from argosy.testing.source_contract import SourceContract, SourceSubject

TOP = {"dataset_description.json": b'{"Name": "tiny"}', "README": b"read me", "participants.tsv": b"participant_id\nsub-01\n",
       "task-rest_bold.json": b"{}"}  # fmt: skip
IMAGES = {
    f"sub-{subject}/{folder}/sub-{subject}_{name}": f"{subject} {name}".encode() * 500
    for subject in ("01", "02", "03")
    for folder, name in (
        ("anat", "T1w.nii.gz"), ("anat", "T1w.json"), ("func", "task-rest_run-1_bold.nii.gz"), ("func", "task-nback_bold.nii.gz"),
        ("func", "task-rest_events.tsv"),
    )
}  # fmt: skip


@dataclass
class Api:
    """Answers the two queries from a flat list of files."""

    bucket: FaultyServer
    snapshots: dict[str, dict[str, bytes]] = field(default_factory=dict)
    url: str = ""
    answer: bytes | None = None
    same: dict[tuple[str, str], str] = field(default_factory=dict)
    """Which snapshot a file of another one has come from, unchanged."""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, tag: str, files: dict[str, bytes]) -> None:
        self.snapshots[tag] = files
        for path, body in files.items():
            self.bucket.add(f"/{tag}/{path}", body)

    def reply(self, question: dict[str, Any]) -> bytes:
        self.asked.append(question)
        if self.answer is not None:
            return self.answer
        told = question["variables"]
        if told["id"] != "ds000001":
            return json.dumps({"data": {"dataset": None, "snapshot": None}}).encode()
        if "tag" not in told:
            return json.dumps({"data": {"dataset": {"latestSnapshot": {"tag": max(self.snapshots)}}}}).encode()
        if told["tag"] not in self.snapshots:
            return json.dumps({"errors": [{"message": "no such snapshot"}], "data": None}).encode()
        return json.dumps({"data": {"snapshot": {"files": self._listed(told["tag"], told["tree"] or "")}}}).encode()

    def _listed(self, tag: str, above: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path, body in self.snapshots[tag].items():
            if path.startswith(above):
                name, slash, _ = path.removeprefix(above).partition("/")
                url = self.bucket.url(f"/{self.same.get((tag, path), tag)}/{path}") + "?versionId=abc"
                file = {"id": "f", "filename": name, "size": len(body), "directory": False, "urls": [url]}
                folder = {"id": f"{above}{name}/", "filename": name, "size": 0, "directory": True, "urls": []}
                found[name] = folder if slash else file
        return list(found.values())


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = answering.reply(question)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with FaultyServer() as bucket, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        answering = Api(bucket, url=f"http://127.0.0.1:{server.server_address[1]}/crn/graphql")
        monkeypatch.setenv("ARGOSY_OPENNEURO_ENDPOINT", answering.url)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        answering.publish("1.0.0", TOP | IMAGES)
        yield answering
        server.shutdown()
        thread.join()


async def brought(source: str, folder: Path, **more: Any) -> dict[str, bytes]:
    out = folder / "ds000001"
    async with Runtime(folder / "home") as runtime:
        (task,) = await runtime.add_many([Request(source, directory=out, max_retries=0, **more)])
        assert (await task).status is Status.COMPLETED
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


async def test_the_latest_snapshot_comes_whole(api: Api, tmp_path: Path) -> None:
    assert await brought("openneuro:ds000001", tmp_path) == TOP | IMAGES


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ("subject=01", 5),
        ("subject=01,02&datatype=anat", 4),
        ("task=rest&suffix=bold", 3),
        ("subject=sub-03&task=nback&datatype=func", 1),
        ("run=1&datatype=func&suffix=bold", 6),
    ],
)
async def test_the_filters_of_bids_choose_and_the_top_always_comes(
    api: Api, tmp_path: Path, filters: str, count: int
) -> None:
    files = await brought(f"openneuro:ds000001@1.0.0?{filters}", tmp_path)
    assert files.keys() >= TOP.keys()
    assert len(files) == len(TOP) + count


@pytest.mark.parametrize(
    ("filters", "path", "kept"),
    [
        ("session=pre", "sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz", True),
        ("session=ses-pre,post", "sub-01/ses-post/anat/sub-01_ses-post_T1w.nii.gz", True),
        ("session=pre", "sub-01/ses-post/anat/sub-01_ses-post_T1w.nii.gz", False),
        ("session=pre", "sub-01/sub-01_sessions.tsv", True),
        ("subject=01", "sub-01/ses-pre/anat/sub-01_ses-pre_T1w.nii.gz", True),
        ("subject=01", "sub-010/anat/sub-010_T1w.nii.gz", False),
        ("subject=01", "stimuli/face.png", False),
        ("subject=01", "derivatives/fmriprep/sub-01/anat/sub-01_T1w.nii.gz", True),
        ("task=rest", "sub-01/func/sub-01_task-nback_bold.nii.gz", False),
        ("task=rest", "sub-01/anat/sub-01_T1w.nii.gz", True),
        ("acquisition=hi&run=2", "sub-01/func/sub-01_acq-hi_run-2_bold.nii.gz", True),
        ("acquisition=hi&run=2", "sub-01/func/sub-01_acq-hi_run-1_bold.nii.gz", False),
        ("datatype=func", "sub-01/anat/sub-01_T1w.nii.gz", False),
        ("datatype=anat&suffix=T1w", "sub-01/anat/sub-01_T2w.nii.gz", False),
        ("suffix=T1w", "sub-01/anat/sub-01_T1w.json", True),
        ("subject=02&datatype=func&suffix=bold&session=x&task=y", "dataset_description.json", True),
    ],
)
def test_each_filter(filters: str, path: str, kept: bool) -> None:
    assert parse(f"openneuro:ds000001?{filters}").keeps(path) is kept


async def test_beside_it_lies_a_list_of_all_that_came(api: Api, tmp_path: Path) -> None:
    await brought("openneuro:ds000001@1.0.0", tmp_path)
    lock = json.loads((tmp_path / "ds000001.lock.json").read_text())
    assert lock["source"] == "openneuro:ds000001@1.0.0"
    assert {row["path"]: row["size"] for row in lock["files"]} == {
        path: len(body) for path, body in (TOP | IMAGES).items()
    }
    assert all("versionId=abc" in row["source"] for row in lock["files"])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>error</html>", "text/html"),
        (b"<html>" + b" " * 3494, "text/html"),  # as long as the file
        (b'{"error": "not found"}', "application/json"),
        (b"<Error><Code>AccessDenied</Code></Error>", "application/xml"),
    ],
)
async def test_an_error_is_never_saved_as_data(api: Api, tmp_path: Path, body: bytes, content_type: str) -> None:
    api.bucket.add("/1.0.0/sub-01/anat/sub-01_T1w.nii.gz", body, content_type=content_type)
    with pytest.raises(ArgosyError):
        await brought("openneuro:ds000001@1.0.0", tmp_path)
    assert not (tmp_path / "ds000001/sub-01/anat/sub-01_T1w.nii.gz").exists()
    lock = read(tmp_path / "ds000001.lock.json")
    assert list(lock.missing or {}) == ["sub-01/anat/sub-01_T1w.nii.gz"]
    assert not lock.complete


@pytest.mark.parametrize("source", ["openneuro:ds000002", "openneuro:ds000001@9.9.9"])
async def test_what_does_not_exist_is_an_error_that_says_so(api: Api, tmp_path: Path, source: str) -> None:
    with pytest.raises(ArgosyError, match=r"OpenNeuro|ds000002"):
        await brought(source, tmp_path)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"data": {"snapshot": {"files": 7}}}', b'{"data": []}'])
async def test_an_api_that_answers_nonsense_is_not_believed(api: Api, tmp_path: Path, answer: bytes) -> None:
    api.answer = answer
    with pytest.raises(ArgosyError):
        await brought("openneuro:ds000001@1.0.0", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "openneuro:",
        "openneuro:ds1",
        "openneuro:ds000001?color=red",
        "openneuro:ds000001?subject=../x",
        "openneuro:ds000001@a b",
    ],
)
def test_what_is_no_dataset(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, api: Api) -> SourceSubject:
        api.publish("1.0.0", TOP | IMAGES)
        return SourceSubject(OpenNeuroSource(), "openneuro:ds000001", "openneuro:x", unwanted="sub-01/")
