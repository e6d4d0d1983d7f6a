from __future__ import annotations

from argosy.testing.server import FaultyServer

from .command import BODY, Argosy


def test_a_probe_says_what_a_download_would_be_and_makes_none(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    ran = argosy("probe", url)
    assert ran.code == 0
    assert "name        data.bin\n" in ran.out
    assert f"({len(BODY):,} bytes)" in ran.out
    assert list(argosy.folder.iterdir()) == []
    assert argosy("ls", "--all", "--json").document["tasks"] == []


def test_a_probe_has_json_and_sees_what_is_in_the_way(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    (argosy.folder / "data.bin").write_bytes(b"mine")
    probe = argosy("probe", "--json", url).document["probe"]
    assert (probe["size"], probe["resumable"], probe["occupied"]) == (len(BODY), True, str(argosy.folder / "data.bin"))


def test_a_probe_of_what_is_not_there_has_the_exit_code_of_that(argosy: Argosy, server: FaultyServer) -> None:
    assert argosy("probe", server.url("/missing")).code == 5
