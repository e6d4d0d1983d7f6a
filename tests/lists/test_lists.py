"""Lists of every kind: what they name, and what of them is refused."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.checksum import parse
from argosy.core.pieces import Pieces
from argosy.core.types import TransferOptions
from argosy.errors import UsageError
from argosy.lists.entry import Entry, Listing
from argosy.lists.export import FORMATS
from argosy.lists.recognise import read, read_file

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SHA1 = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"
METALINK = f"""<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
  <file name="data/big.iso">
    <size>1048576</size>
    <hash type="md5">d41d8cd98f00b204e9800998ecf8427e</hash>
    <hash type="sha-256">{SHA}</hash>
    <pieces length="524288" type="sha-1"><hash>{SHA1}</hash><hash>{SHA1}</hash></pieces>
    <pieces length="262144" type="sha-256"><hash>{SHA}</hash><hash>{SHA}</hash><hash>{SHA}</hash><hash>{SHA}</hash></pieces>
    <url location="de" priority="2">https://second.example/big.iso</url>
    <url priority="1">https://first.example/big.iso</url>
    <url>ftp://last.example/big.iso</url>
    <metaurl mediatype="torrent">https://x.example/big.torrent</metaurl>
  </file>
</metalink>"""


def listing(text: str | bytes) -> Listing:
    return read(text.encode() if isinstance(text, str) else text, "the list")


def only(text: str | bytes) -> Entry:
    (entry,) = listing(text).entries
    return entry


# -- one a line ----------------------------------------------------------------------------------------


def test_a_list_keeps_order_mirrors_and_options() -> None:
    first, second = listing("http://a/1\thttp://b/1\n\tout=x\n\tdir=d\n# no\n\nhttp://c/2\n").entries
    assert (first.urls, first.name, first.directory) == (("http://a/1", "http://b/1"), "x", "d")
    assert second == Entry(("http://c/2",))


def test_a_session_that_aria2_saved_is_taken_over_with_its_headers_and_credentials() -> None:
    entry = only(
        "https://h/f\n gid=2089b05ecca3d829\n split=5\n header=X-Key: 1\n header=Accept: a/b\n http-user=me\n http-passwd=pw\n"
        " max-download-limit=2M\n referer=https://r/\n check-certificate=false\n pause=true\n"
    )
    options = entry.over(TransferOptions())
    assert options.headers == (("X-Key", "1"), ("Accept", "a/b"))
    assert (options.user, options.limit_bps, options.referer, options.insecure) == (
        "me:pw",
        2 * 1024**2,
        "https://r/",
        True,
    )
    assert entry.paused


def test_what_changes_no_byte_is_left_aside_and_said() -> None:
    (remark,) = listing("https://h/f\n split=5\n gid=1\n").remarks
    assert "gid, split" in remark


@pytest.mark.parametrize(
    "text",
    ["  out=x\n", "http://a/1\n  on-download-complete=/bin/sh\n", "http://a/1\n  checksum=zz\n", "http://a/1\nnonsense\n",
     "http://a/1\n  out=../../x\n", "http://a/1\n  out\n"],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"line [12]"):
        listing(text)


# -- Metalink ------------------------------------------------------------------------------------------


def test_a_metalink_gives_mirrors_in_its_order_the_size_and_the_strongest_hashes() -> None:
    assert only(METALINK) == Entry(
        ("https://first.example/big.iso", "https://second.example/big.iso", "ftp://last.example/big.iso"),
        "data/big.iso", checksum=parse(f"sha256:{SHA}"), size=1048576, pieces=Pieces("sha256", 262_144, SHA * 4),
    )  # fmt: skip


@pytest.mark.parametrize(
    "pieces",
    [
        f'length="262144" type="sha-256"><hash>{SHA}</hash>',
        f'length="0" type="sha-256"><hash>{SHA}</hash>',
        f'type="sha-256"><hash>{SHA}</hash>',
        f'length="1048576"><hash>{SHA}</hash>',
        'length="1048576" type="sha-256"><hash>nonsense</hash>',
        'length="1048576" type="sha-256">',
    ],
)
def test_pieces_that_tell_nothing_are_left_aside_and_said(pieces: str) -> None:
    found = listing(
        "<metalink><file name='big.iso'><size>1048576</size><url>http://h/big.iso</url>"
        f"<pieces {pieces}</pieces></file></metalink>"
    )
    assert found.entries == (Entry(("http://h/big.iso",), "big.iso", size=1048576),)
    (remark,) = found.remarks
    assert remark.startswith("big.iso: left aside: ")


def test_the_older_metalink_prefers_high_numbers() -> None:
    entry = only(
        '<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="a"><resources>'
        '<url type="http" preference="10">http://low/a</url><url type="http" preference="90">http://high/a</url>'
        "</resources></file></files></metalink>"
    )
    assert entry.urls == ("http://high/a", "http://low/a")


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "b">]><metalink xmlns="urn:ietf:params:xml:ns:metalink">&a;</metalink>',
        "<html><body>Not found</body></html>",
        "<metalink><file name='../../etc/passwd'><url>http://h/x</url></file></metalink>",
        "<metalink><file>",
        "<metalink>" + "<a>" * 100_000,
    ],
)
def test_a_hostile_or_broken_metalink_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        listing(text)


def test_a_file_without_a_url_that_can_be_fetched_is_said() -> None:
    found = listing("<metalink><file name='a'><url>file:///etc/passwd</url></file></metalink>")
    assert (found.entries, len(found.remarks)) == ((), 1)


# -- curl ----------------------------------------------------------------------------------------------


def test_a_command_copied_from_a_browser_is_taken_over() -> None:
    entry = only(
        "curl 'https://h/f?a=b' \\\n  -H 'accept: */*' \\\n  -H 'Accept-Encoding: gzip' \\\n  -H 'Cookie: s=1' \\\n"
        "  -H 'User-Agent: Browser/1' \\\n  -H 'range: bytes=0-' --compressed -k -o out.bin"
    )
    assert (entry.urls, entry.name) == (("https://h/f?a=b",), "out.bin")
    assert entry.options == {
        "headers": (("accept", "*/*"),), "cookie": "s=1", "user_agent": "Browser/1", "insecure": True,
    }  # fmt: skip


def test_short_options_may_be_glued_and_several_commands_follow_each_other() -> None:
    one, two = listing("curl -sSLO https://h/1\ncurl -fL -uuser:pw --limit-rate 1M https://h/2").entries
    assert (one.urls, two.urls) == (("https://h/1",), ("https://h/2",))
    assert two.options == {"user": "user:pw", "limit_bps": 1024**2}


@pytest.mark.parametrize(
    "text",
    ["curl -X POST https://h/", "curl -d a=b https://h/", "curl --config x https://h/", "curl -K x", "curl", "curl 'x"],
)
def test_a_command_that_is_no_plain_download_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        listing(f"{text} ")


# -- tables --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"url,filename,sha256,size\nhttps://h/a,x.bin,{SHA},7\n",
        f"URL;Name;SHA256;Bytes\nhttps://h/a;x.bin;{SHA};7\n",
        json.dumps([{"url": "https://h/a", "name": "x.bin", "sha256": SHA, "size": 7}]),
        json.dumps(
            {"downloads": [{"link": "https://h/a", "out": "x.bin", "checksum": f"sha256:{SHA}", "length": "7"}]}
        ),
        json.dumps({"x.bin": {"url": "https://h/a", "sha256": SHA, "size": 7}}),
        json.dumps({"url": "https://h/a", "name": "x.bin", "sha256": SHA, "size": 7}) + "\n",
    ],
)
def test_tables_are_read_by_the_names_of_their_columns(text: str) -> None:
    assert only(text) == Entry(("https://h/a",), "x.bin", checksum=parse(f"sha256:{SHA}"), size=7)


def test_a_state_file_of_one_download_is_a_table_of_one() -> None:
    state = {
        "model_id": "m",
        "url": "https://h/m.bin",
        "downloaded_bytes": 5,
        "total_bytes": 9,
        "checksum": SHA,
        "timestamp": 1,
    }
    assert only(json.dumps(state)) == Entry(("https://h/m.bin",), checksum=parse(SHA), size=9)


def test_plain_json_lists_and_ndjson_are_read() -> None:
    assert [entry.urls[0] for entry in listing('["https://h/1", "https://h/2"]').entries] == [
        "https://h/1",
        "https://h/2",
    ]
    assert len(listing('{"url": "https://h/1"}\n{"url": "https://h/2"}\n').entries) == 2


@pytest.mark.parametrize(
    "text", ["{}", "[1]", '{"a": 1}', "[" * 100_000, '[{"name": "x"}]', "{broken", '[{"url": "https://h", "size": "big"}]',
             '[{"url": "relative"}]']
)  # fmt: skip
def test_json_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        listing(text)


# -- databases -----------------------------------------------------------------------------------------


def test_a_download_queue_is_read_without_what_it_has_completed(tmp_path: Path) -> None:
    path = tmp_path / "queue ?#.db"
    database = apsw.Connection(str(path))
    database.execute(
        "CREATE TABLE DOWNLOAD_QUEUE (id TEXT PRIMARY KEY, url TEXT NOT NULL, target_directory TEXT NOT NULL, filename TEXT,"
        " status TEXT NOT NULL, max_retries INTEGER)"
    )
    database.execute("INSERT INTO DOWNLOAD_QUEUE VALUES ('1', 'https://h/a', '/data', '../a.zip', 'PROCESSING', 5)")
    database.execute("INSERT INTO DOWNLOAD_QUEUE VALUES ('2', 'https://h/b', '/data', NULL, 'COMPLETED', 3)")
    database.close()
    found = read_file(path)
    assert [(entry.urls, entry.directory, entry.max_retries) for entry in found.entries] == [
        (("https://h/a",), "/data", 5)
    ]
    assert "/" not in (found.entries[0].name or "")
    assert found.remarks


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    database = apsw.Connection(str(path))
    database.execute("CREATE TABLE t (x)")
    database.close()
    with pytest.raises(UsageError, match="DOWNLOAD_QUEUE"):
        read_file(path)


# -- anything ------------------------------------------------------------------------------------------


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_it_is_there_are_entries_or_a_usage_error(data: bytes) -> None:
    with suppress(UsageError):
        assert all(entry.urls for entry in read(data, "the list").entries)


def test_what_windows_writes_is_read() -> None:
    assert only("https://h/a\r\n".encode("utf-16")).urls == ("https://h/a",)
    assert only("\ufeffhttps://h/a\r\n".encode()).urls == ("https://h/a",)


# -- written again -------------------------------------------------------------------------------------

WRITTEN = (
    Entry(("https://h/a.bin?x=1&y=2", "https://m/a.bin"), "a <b>.bin", checksum=parse(f"sha256:{SHA}"), size=7),
    Entry(("https://h/b.bin",), "b.bin"),
)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_what_is_written_is_read_again(kind: str) -> None:
    found = listing(FORMATS[kind](WRITTEN)).entries
    assert [entry.urls[0] for entry in found] == [entry.urls[0] for entry in WRITTEN]
    if kind != "urls":
        assert [(entry.urls, entry.checksum) for entry in found] == [(entry.urls, entry.checksum) for entry in WRITTEN]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_of_a_table_is_a_formula_and_its_text_is_read_again(first: str) -> None:
    written = FORMATS["csv"]([Entry(("https://h/a",), f"{first}cmd()", f"{first}dir")])
    cells = list(csv.reader(io.StringIO(written)))[1]
    assert [cell[:2] for cell in cells if "cmd" in cell or "dir" in cell] == [f"'{first}"] * 2
    (again,) = listing(written).entries
    assert again.directory == f"{first}dir"


@pytest.mark.parametrize("name", ["'quoted'", "'=cmd()", "''"])
def test_an_apostrophe_of_its_own_is_kept(name: str) -> None:
    (again,) = listing(FORMATS["csv"]([Entry(("https://h/a",), "a", name)])).entries
    assert again.directory == name
