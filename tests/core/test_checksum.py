"""Checksums: every spelling in use is understood, and no other digest is ever taken for one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.checksum import (
    ALGORITHMS,
    HEX_DIGITS,
    Checksum,
    parse,
    parse_digest_header,
    parse_sums,
)
from argosy.errors import UsageError

DATA = b"the cargo"
HEX = {algorithm: hashlib.new(algorithm, DATA).hexdigest() for algorithm in ALGORITHMS}
B64 = {algorithm: base64.b64encode(bytes.fromhex(digits)).decode() for algorithm, digits in HEX.items()}
SHA256 = Checksum("sha256", HEX["sha256"])
OTHER = hashlib.sha256(b"other").hexdigest()


def test_the_table_has_the_lengths_of_the_real_algorithms() -> None:
    assert {name: hashlib.new(name).digest_size * 2 for name in ALGORITHMS} == HEX_DIGITS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_spelling_of_a_checksum_is_the_same_value(algorithm: str) -> None:
    digits, encoded = HEX[algorithm], B64[algorithm]
    dashed = algorithm.replace("sha", "sha-")
    spellings = [
        digits,
        digits.upper(),
        f"  {digits}\n",
        f"{algorithm}:{digits}",
        f"{algorithm.upper()}:{digits.upper()}",
        f"{algorithm} = {digits}",
        f"{dashed}={digits}",
        f"{algorithm}-{encoded}",
        f"{dashed}:{encoded.rstrip('=')}",
        f"{algorithm}:{encoded.replace('+', '-').replace('/', '_')}",
        f"{digits}  file.iso",
        f"{algorithm.upper()} (file.iso) = {digits}",
    ]
    assert {parse(spelling) for spelling in spellings} == {Checksum(algorithm, digits)}
    assert str(parse(digits)) == f"{algorithm}:{digits}"


def test_sha_and_sha2_are_older_names() -> None:
    assert parse(f"sha:{HEX['sha1']}").algorithm == "sha1"
    assert parse(f"sha2-256:{HEX['sha256']}").algorithm == "sha256"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:xyz",
        f"sha256:{HEX['md5']}",
        f"md5:{HEX['sha256']}",
        f"blake3:{HEX['sha256']}",
        f"sha3-256:{HEX['sha256']}",
        f"crc32:{HEX['md5'][:8]}",
        HEX["sha256"][:-1],
        HEX["sha256"] + "0",
        "g" * 64,
        "٣" * 64,
        f"sha256-{B64['md5']}",
        "sha256-ü",
        "sha256:" + "A" * 100_000,
        "https://example.org/file.sha256",
    ],
)
def test_what_is_no_checksum_is_refused_and_the_known_algorithms_are_named(text: str) -> None:
    with pytest.raises(UsageError, match="not a checksum") as caught:
        parse(text)
    assert all(algorithm in caught.value.hint for algorithm in ALGORITHMS)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("field", "algorithm"),
    [
        ("sha-256=:{sha256}:", "sha256"),
        ("sha-256={sha256}", "sha256"),
        ("SHA-256={sha256}", "sha256"),
        ("sha-256=:{sha256}:, sha-512=:{sha512}:", "sha512"),
        ("sha-512=:{sha512}:,sha-256=:{sha256}:", "sha512"),
        ("md5={md5},sha={sha1}", "sha1"),
        ("unixsum=30637, sha-256={sha256}", "sha256"),
        ("sha-512=:AAAA:, sha-256=:{sha256}:", "sha256"),
        ("sha-256=:{sha256}:;signed=?1", "sha256"),
        ("crc32c=AAAAAA==,md5={md5}", "md5"),
    ],
)
def test_the_strongest_usable_digest_of_a_field_is_taken(field: str, algorithm: str) -> None:
    assert parse_digest_header(field.format(**B64)) == Checksum(algorithm, HEX[algorithm])


@pytest.mark.parametrize(
    "field",
    [
        "",
        ",",
        "sha-256",
        "sha-256=",
        "sha-256=::",
        "crc32c=AAAAAA==",
        "id-sha-256={sha256}",
        "sha-256={md5}",
        "=",
        "é=é",
    ],
)
def test_a_field_without_a_usable_digest_gives_none(field: str) -> None:
    assert parse_digest_header(field.format(**B64)) is None


@pytest.mark.parametrize(
    "text",
    [
        f"{HEX['sha256']}  file.iso\n",
        f"{HEX['sha256'].upper()} *file.iso\n",
        f"{HEX['sha256']} file.iso",
        f"{HEX['sha256']}\tfile.iso",
        f"\ufeff{HEX['sha256']}  file.iso\r\n",
        f"{OTHER}  other.iso\n{HEX['sha256']}  ./file.iso\n",
        f"{OTHER}  old/file.iso\n{HEX['sha256']}  file.iso\n",
        f"{HEX['sha256']}  /build/out/file.iso\n",
        f"SHA256 (file.iso) = {HEX['sha256']}\n",
        f"SHA256(file.iso)= {HEX['sha256']}\n",
        f"SHA2-256(file.iso)= {HEX['sha256']}\n",
        f"MD5 (file.iso) = {HEX['md5']}\nSHA256 (file.iso) = {HEX['sha256']}\n",
        f"# made by hand\n\n{HEX['sha256']}  file.iso\n{HEX['sha256']}  file.iso\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{HEX['sha256']}  file.iso\n-----BEGIN PGP SIGNATURE-----\n",
        HEX["sha256"],
        f"  {HEX['sha256']}\r\n",
        f"{HEX['sha256']}  -\n",
        f"BLAKE2b (file.iso) = {HEX['sha512']}\nSHA256 (file.iso) = {HEX['sha256']}\n",
    ],
)
def test_a_files_checksum_is_found_in_any_style_of_list(text: str) -> None:
    assert parse_sums(text, "file.iso") == SHA256


def test_escaped_names_are_unescaped() -> None:
    text = f"\\{HEX['sha256']}  a\\\\b\\nc\\rd\n\\SHA1 (x\\ny) = {HEX['sha1']}\n"
    assert parse_sums(text, "a\\b\nc\rd") == SHA256
    assert parse_sums(text, "x\ny") == Checksum("sha1", HEX["sha1"])
    assert parse_sums(f"{HEX['sha256']}  a\\nb\n", "a\\nb") == SHA256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "404 Not Found",
        f"{OTHER}  other.iso\n",
        f"{HEX['sha256'][:-2]}  file.iso\n",
        f"SHA256 (file.iso) = {HEX['md5']}\n",
        f"{HEX['sha256']}  file.iso\n{OTHER}  file.iso\n",
        f"{HEX['sha256']}  a/file.iso\n{OTHER}  b/file.iso\n",
        "abc",
    ],
)
def test_a_list_without_the_file_or_at_odds_with_itself_gives_none(text: str) -> None:
    assert parse_sums(text, "file.iso") is None


@pytest.mark.parametrize(
    ("sidecar", "digits", "algorithm"),
    [
        ("SHA256SUMS", HEX["sha256"], "sha256"),
        ("sha256sum.txt", HEX["sha256"], "sha256"),
        ("file.iso.sha-256", HEX["sha256"], "sha256"),
        ("file.iso.sha384", HEX["sha384"], "sha384"),
        ("sha1-collisions.pdf.sha256", HEX["sha256"], "sha256"),
        ("CHECKSUMS", HEX["sha512"], "sha512"),
        ("SHASUMS512.txt", HEX["sha512"], "sha512"),
        ("mylib2.checksums.txt", HEX["sha512"], "sha512"),
        ("MD5SUMS", HEX["sha256"], None),
        ("B2SUMS", HEX["sha512"], None),
        ("file.iso.b3", HEX["sha256"], None),
        ("file.iso.blake2b", HEX["sha512"], None),
        ("SHA3-256SUMS", HEX["sha256"], None),
        ("file.iso.sha3", HEX["sha512"], None),
        ("file.ripemd160", HEX["sha1"], None),
    ],
)
def test_the_lists_own_name_says_which_algorithm_counts(sidecar: str, digits: str, algorithm: str | None) -> None:
    expected = Checksum(algorithm, digits) if algorithm else None
    assert parse_sums(f"{digits}  file.iso\n", "file.iso", sidecar) == expected
    assert parse_sums(digits, "file.iso", sidecar) == expected


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_text_breaks_the_reading_of_lists_and_fields(text: str, name: str) -> None:
    for found in (parse_sums(text, name, name), parse_digest_header(text)):
        assert found is None or len(found.hex) == HEX_DIGITS[found.algorithm]


@given(st.binary(min_size=64, max_size=64), st.sampled_from(ALGORITHMS))
def test_hex_and_base64_of_any_digest_are_the_same_checksum(raw: bytes, algorithm: str) -> None:
    digest = raw[: HEX_DIGITS[algorithm] // 2]
    expected = Checksum(algorithm, digest.hex())
    assert parse(f"{algorithm}-{base64.b64encode(digest).decode()}") == expected
    assert parse(f"{algorithm}:{base64.urlsafe_b64encode(digest).decode()}") == expected
    assert parse(digest.hex()) == expected
