"""Lists of every kind, given to the command as a file and through a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from argosy.testing.faults import FlippedByte
from argosy.testing.server import FaultyServer

from .command import BODY, Argosy

SHA1 = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
A, B = "http://127.0.0.1:9/a.bin", "http://127.0.0.1:9/b.bin"


def queue_of(folder: Path, *urls: str) -> bytes:
    """Return a database with the table of a home-made queue."""
    path = folder / "made.db"
    database = apsw.Connection(str(path))
    database.execute(
        "CREATE TABLE DOWNLOAD_QUEUE (id TEXT PRIMARY KEY, url TEXT NOT NULL, target_directory TEXT NOT NULL, filename TEXT,"
        " status TEXT NOT NULL DEFAULT 'PENDING', progress_percent INTEGER DEFAULT 0, progress_summary TEXT, retry_count INTEGER"
        " NOT NULL DEFAULT 0, max_retries INTEGER NOT NULL DEFAULT 3, next_retry_at INTEGER, pid INTEGER, created_at INTEGER NOT"
        " NULL, updated_at INTEGER NOT NULL)"
    )
    for number, url in enumerate(urls):
        database.execute(
            "INSERT INTO DOWNLOAD_QUEUE (id, url, target_directory, created_at, updated_at) VALUES (?, ?, '/tmp/x', 1, 1)",
            (str(number), url),
        )
    database.close()
    content = path.read_bytes()
    path.unlink()
    return content


LISTS: dict[str, bytes] = {
    "one a line": f"# mine\n{A}\n{B}\n".encode(),
    "aria2's session": f"{A}\thttp://127.0.0.1:9/mirror\n gid=2089b05ecca3d829\n split=5\n out=x.bin\n{B}\n dir=/tmp/y\n".encode(),
    "Metalink": (
        f'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a.bin"><size>4</size>'
        f'<pieces length="4" type="sha-1"><hash>{SHA1}</hash></pieces><url>{A}</url></file><file name="b.bin">'
        f'<hash type="sha-256">{SHA}</hash><url>{B}</url></file></metalink>'
    ).encode(),
    "CSV": f"url,filename,sha256\n{A},x.bin,{SHA}\n{B},y.bin,\n".encode(),
    "semicolons, from a spreadsheet": f"\ufeffURL;Size\r\n{A};4\r\n{B};5\r\n".encode(),
    "JSON": json.dumps({"downloads": [{"url": A}, {"url": B, "checksum": f"sha256:{SHA}"}]}).encode(),
    "NDJSON": f'{{"url": "{A}"}}\n{{"url": "{B}"}}\n'.encode(),
    "UTF-16, from PowerShell": f"{A}\r\n{B}\r\n".encode("utf-16"),
    "copied as cURL": f"curl '{A}' \\\n  -H 'Accept: */*' \\\n  --compressed ;\ncurl '{B}' \\\n  -b 'session=1'\n".encode(),
    "copied as cURL on Windows": f'curl "{A}" ^\r\n  -H "Accept: */*" ^\r\n  --compressed &\r\ncurl "{B}"\r\n'.encode(),
}  # fmt: skip


def added(argosy: Argosy, content: bytes, *, piped: bool) -> tuple[int, dict[str, Any], str]:
    """Return exit code, document and stderr of ``argosy add --json -i``."""
    (argosy.folder / "list").write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-m", "argosy", "add", "--json", "-i", "-" if piped else "list"], input=content if piped else b"",
        cwd=argosy.folder, env=argosy.environment, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    return ran.returncode, json.loads(ran.stdout), ran.stderr.decode()


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("kind", [*LISTS, "DOWNLOAD_QUEUE"])
def test_each_kind_of_list_is_recognised(argosy: Argosy, kind: str, piped: bool) -> None:
    content = LISTS.get(kind) or queue_of(argosy.home, A, B)
    code, document, said = added(argosy, content, piped=piped)
    assert (code, said) == (0, "")
    assert [task["source"] for task in document["tasks"]] == [A, B]


def test_the_state_of_one_unfinished_download_is_a_list_of_one(argosy: Argosy) -> None:
    state = {"url": A, "model_id": "m", "downloaded_bytes": 5, "total_bytes": 9, "checksum": SHA, "timestamp": 1}
    code, document, _ = added(argosy, json.dumps(state).encode(), piped=False)
    (task,) = document["tasks"]
    assert (code, task["source"], task["total"]) == (0, A, 9)


@pytest.mark.parametrize(
    ("content", "where", "hint"),
    [
        (f"{A}\n\nnonsense\n".encode(), "line 3", "scheme"),
        (f"{A}\n  checksum=zz\n".encode(), "line 2", "ALGORITHM:HEX"),
        (f"url,size\n{A},4\n{B},big\n".encode(), "line 3", ""),
        (f'{{"url": "{A}"}}\n{{"url": \n'.encode(), "line 2", ""),
        (json.dumps([{"url": A}, {"name": "x"}]).encode(), "item 2", "url"),
        (f"<metalink>\n<file name='../../x'>\n<url>{A}</url></file></metalink>".encode(), "line 2", ""),
        (b"<metalink>\n<file>\n</metalink>", "line 3", ""),
        (f"curl '{A}'\ncurl -d x=1 '{B}'\n".encode(), "command 2", "GET"),
        (b"# Netscape HTTP Cookie File\n.example.org\tTRUE\t/\tTRUE\t0\tsession\t1\n", "cookies", "--cookies"),
        (b".example.org\tTRUE\t/\tFALSE\t1790000000\tsession\t1\n", "cookies", "--cookies"),
        (b"SQLite format 3\x00" + bytes(100), "database", ""),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "neither text", "known"),
        (b"", "no URL", "-i FILE"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_by_its_place(argosy: Argosy, content: bytes, where: str, hint: str) -> None:
    code, document, _ = added(argosy, content, piped=True)
    error = document["error"]
    assert code == 2
    assert where in error["message"]
    assert hint in error["hint"]
    assert argosy("ls", "--all", "--json").document["tasks"] == []


def test_a_bad_row_of_a_queue_is_named(argosy: Argosy) -> None:
    code, document, _ = added(argosy, queue_of(argosy.home, A, "nonsense"), piped=False)
    assert code == 2
    assert "row 2" in document["error"]["message"]


def test_what_of_a_list_could_not_be_taken_along_is_said(argosy: Argosy) -> None:
    ran = argosy("add", "-i", "-", stdin=f"{A}\n  split=5\n")
    assert ran.code == 0
    assert "left aside, as it changes no byte: split" in ran.err


def test_a_metalink_with_pieces_mends_a_file_from_the_other_mirror(argosy: Argosy, server: FaultyServer) -> None:
    rotten, good = server.add("/bad.bin", BODY, faults=[FlippedByte(70_000)]), server.add("/good.bin", BODY)
    hashes = "".join(f"<hash>{sha256(BODY[at : at + 32_768]).hexdigest()}</hash>" for at in range(0, len(BODY), 32_768))
    metalink = (
        '<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="big.bin"><pieces length="32768" type="sha-256">'
        f'{hashes}</pieces><url priority="1">{rotten}</url><url priority="2">{good}</url></file></metalink>'
    )
    ran = argosy("get", "-i", "-", stdin=metalink)
    assert ran.code == 0, ran.err
    assert (argosy.folder / "big.bin").read_bytes() == BODY
    assert server.bytes_sent("/good.bin") == 32_768
