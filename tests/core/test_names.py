"""The name jail: whatever a server says, the name is one harmless component in our folder."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.names import (
    LONGEST_BYTES,
    NAME_BYTES,
    SUFFIX_BYTES,
    chosen_path,
    from_content_disposition,
    from_url,
    numbered,
    safe_name,
    safe_path,
    split_extension,
    terminal_safe,
)
from argosy.errors import UnsafePath

WINDOWS_DEVICES = [
    "CON",
    "prn",
    "Aux",
    "NUL",
    "COM1",
    "com9",
    "LPT1",
    "LPT¹",
    "COM²",
    "COM³",
    "CONIN$",
    "CONOUT$",
    "CLOCK$",
]
hostile = (
    st.text(st.characters() | st.sampled_from('./\\:<>|?*"~ \x00\x1b\u202e\u200b\uff0f\u2215\ud800ÅA\u030a'))
    | st.text()
)


def is_harmless(name: str) -> bool:
    """The jail's promise, written down a second time and independently."""
    return (
        0 < len(name.encode()) <= LONGEST_BYTES
        and not any(char in name for char in '/\\<>:"|?*\uff0f\u2215\u29f8')
        and not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in name)
        and not name.startswith(".")
        and not name.endswith((".", " "))
        and name == unicodedata.normalize("NFC", name)
        and name.split(".", maxsplit=1)[0].rstrip().upper() not in {device.upper() for device in WINDOWS_DEVICES}
    )


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="foo.html"', "foo.html"),
        ("attachment; filename=foo.html", "foo.html"),
        ("attachment; filename = foo.html ; size=3", "foo.html"),
        ("inline; FILENAME=foo.html", "foo.html"),
        ("attachment;filename=foo bar.html", "foo bar.html"),
        ("filename=foo.html", "foo.html"),
        (';filename="foo.html"', "foo.html"),
        ('attachment; filename="f\\oo \\"q\\".html"', 'foo "q".html'),
        ('attachment; filename="foo.html', "foo.html"),
        ('attachment; filename="a;b.html"; x=y', "a;b.html"),
        ('attachment; x="; filename=evil"; filename="ok.txt"', "ok.txt"),
        ('attachment; filename="first"; filename="second"', "first"),
        ("attachment; filename='foo.html'", "'foo.html'"),
        ('attachment; filename="foo-%41.html"', "foo-%41.html"),
        ("attachment; filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
        ("attachment; filename*=utf-8'en'foo%20bar", "foo bar"),
        ("attachment; filename*=iso-8859-1''foo-%E4.html", "foo-ä.html"),
        ("attachment; filename*=\"UTF-8''quoted%20anyway\"", "quoted anyway"),
        ("attachment; filename=plain.txt; filename*=UTF-8''better.txt", "better.txt"),
        ("attachment; filename*=UTF-8''better.txt; filename=plain.txt", "better.txt"),
        ("attachment; filename*=UTF-8''%ff%fe; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=UTF-8''%c0%af; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=koi8-r''x; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=oops; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=UTF-8''; filename=plain.txt", "plain.txt"),
        ("attachment; filename*=UTF-8''it's.txt", "it's.txt"),
        ('attachment; filename="na\xc3\xafve.txt"', "naïve.txt"),  # UTF-8 read as Latin-1
        ('attachment; filename="na\xefve.txt"', "naïve.txt"),
        ('attachment; filename="日本.txt"', "日本.txt"),
        ('attachment; filename="na\xc3\xafve.txt"'.encode("latin-1"), "naïve.txt"),
        (b'attachment; filename="na\xefve.txt"', "naïve.txt"),
        ('attachment; filename="=?UTF-8?B?Zm9vLcOkLmh0bWw=?="', "foo-ä.html"),
        ("attachment; filename==?utf-8?Q?foo-=C3=A4_b.html?=", "foo-ä b.html"),
        ('attachment; filename="=?UTF-8?B?!?="', "=?UTF-8?B?!?="),
        ('attachment; filename="=?UTF-8?Q?=FF?="', "=?UTF-8?Q?=FF?="),
        ('attachment; filename="../../etc/passwd"', "../../etc/passwd"),  # raw: the jail comes after
    ],
)
def test_a_content_disposition_gives_its_name(header: str | bytes, name: str) -> None:
    assert from_content_disposition(header) == name


@pytest.mark.parametrize(
    "header",
    [
        "",
        "attachment",
        "inline;",
        'attachment; filename=""',
        "attachment filename=x",
        "attachment; name=x",
        b"",
        ";;;",
        "=",
    ],
)
def test_a_content_disposition_without_a_name_gives_none(header: str | bytes) -> None:
    assert from_content_disposition(header) is None


@pytest.mark.parametrize("piece", [" ", ";", "a", '"', "\\", "=", "a=", '="\\', "; filename", "=?utf-8?q?", "\t;"])
def test_a_huge_content_disposition_takes_no_time(piece: str) -> None:
    begin = time.process_time()
    from_content_disposition("attachment; filename=" + piece * 200_000)
    from_content_disposition(piece * 200_000)
    assert time.process_time() - begin < 2


@given(st.text() | st.binary())
def test_no_content_disposition_breaks_the_reading(header: str | bytes) -> None:
    for text in (header, b"attachment; filename=" + header if isinstance(header, bytes) else f'a; filename*="{header}'):
        name = from_content_disposition(text)
        assert name is None or is_harmless(safe_name(name))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/b.tar.gz", "b.tar.gz"),
        ("https://example.org/a/b%20c.txt?x=/evil&y#/worse", "b c.txt"),
        ("https://example.org/%E2%82%AC.txt", "€.txt"),
        ("https://example.org/€.txt", "€.txt"),
        ("https://example.org/na%EFve.txt", "naïve.txt"),
        ("https://example.org/100%.txt", "100%.txt"),
        ("https://example.org/a%252fb", "a%2fb"),
        ("https://example.org/x/..%2f..%2fetc%2fpasswd", "../../etc/passwd"),
        ("ftp://example.org/pub/file.iso", "file.iso"),
        ("https://example.org/\udcff.txt", "í³¿.txt"),
        ("https://example.org/a;v=1", "a;v=1"),
    ],
)
def test_a_url_gives_its_last_segment_decoded_once(url: str, name: str) -> None:
    assert from_url(url) == name


@pytest.mark.parametrize(
    "url", ["", "https://example.org", "https://example.org/", "https://example.org/dir/?f=x", "http://[::1/x"]
)
def test_a_url_without_a_last_segment_gives_none(url: str) -> None:
    assert from_url(url) is None


@given(st.text())
def test_no_url_breaks_the_reading(text: str) -> None:
    name = from_url("https://example.org/" + text)
    assert name is None or is_harmless(safe_name(name))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("file.txt", "file.txt"),
        ("Ünïcode 日本 😀.txt", "Ünïcode 日本 😀.txt"),
        ("sub-01_T1w.nii.gz", "sub-01_T1w.nii.gz"),
        # folders, in every disguise
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("\\\\server\\share\\x.txt", "x.txt"),
        ("\\\\?\\C:\\x.txt", "x.txt"),
        ("a／b", "b"),
        ("..∕..∕x", "x"),
        ("a⧸b", "b"),
        ("..＼x", "x"),
        ("....//....//x", "x"),
        ("..././x", "x"),
        ("..%2f..%2fx", "_%2f..%2fx"),
        ("%2e%2e/x", "x"),
        ("dir/", "dir"),
        ("dir/..", "dir"),
        # nothing left
        ("", "download"),
        (".", "download"),
        ("..", "download"),
        ("....", "download"),
        (" . . ", "download"),
        ("/", "download"),
        ("\x00\u202e\u200b", "download"),
        (".\u200b.", "download"),
        # hidden, and ours
        (".bashrc", "_bashrc"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("..hidden", "_hidden"),
        ("\u200b.wgetrc", "_wgetrc"),
        (".movie.mp4.part", "_movie.mp4.part"),
        ("movie.part", "movie.part"),
        # deceptive
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\nb\r\t\x1b[31mc\x7f\u2028\u2029", "ab[31mc"),
        ("report.pdf. . .", "report.pdf"),
        ("  x.txt  ", "x.txt"),
        ("\u3000x.txt\u00a0", "x.txt"),
        ("x:ads", "x_ads"),
        ("x.txt::$DATA", "x.txt__$DATA"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("?", "_"),
        ("\ud800x\udfff", "_x_"),
        ("A\u030angstro\u0308m", "Ångström"),
        ("A\u200b\u030a", "Å"),
        # Windows devices
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("aux.tar.gz", "_aux.tar.gz"),
        ("nul .txt", "_nul .txt"),
        ("NUL.", "_NUL"),
        ("LPT¹.log", "_LPT¹.log"),
        ("COM0", "_COM0"),
        ("CONSOLE.txt", "CONSOLE.txt"),
        ("COM10.txt", "COM10.txt"),
    ],
)
def test_the_jail_makes_one_harmless_name(text: str, name: str) -> None:
    assert safe_name(text) == name
    assert is_harmless(name)


def test_what_was_never_valid_utf8_is_still_a_name() -> None:
    overlong = b"..\xc0\xaf..\xc0\xafetc".decode(errors="surrogateescape")
    assert safe_name(overlong) == "___..__etc"


def test_the_default_can_be_chosen() -> None:
    assert safe_name("..", default="episode 1") == "episode 1"


@pytest.mark.parametrize("device", WINDOWS_DEVICES)
def test_no_windows_device_is_ever_a_name(device: str) -> None:
    assert all(is_harmless(safe_name(device + ending)) for ending in ("", ".", ".txt", " .txt", ".a.b", ":x", "\u200b"))


@pytest.mark.parametrize("letter", ["x", "é", "日", "😀"])
@pytest.mark.parametrize("extension", [".txt", ".tar.gz", ".日本", ""])
def test_long_names_are_cut_at_a_character_and_keep_their_extension(letter: str, extension: str) -> None:
    name = safe_name(letter * 300 + extension)
    assert name.endswith(letter + extension)
    assert LONGEST_BYTES - 3 <= len(name.encode()) <= LONGEST_BYTES == NAME_BYTES - SUFFIX_BYTES


def test_the_cut_leaves_no_trailing_dot_or_space() -> None:
    assert safe_name("a" * 200 + " . . . . . . . . " + "b" * 100) == "a" * 200


@given(hostile)
def test_whatever_comes_in_what_comes_out_is_harmless(text: str) -> None:
    assert is_harmless(safe_name(text))


@given(hostile)
def test_the_jail_changes_nothing_the_second_time(text: str) -> None:
    once = safe_name(text)
    assert safe_name(once) == once
    assert safe_path(once) == (once,)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sub-01/anat/sub-01_T1w.nii.gz", ("sub-01", "anat", "sub-01_T1w.nii.gz")),
        ("./a/./b//c", ("a", "b", "c")),
        ("a\\b", ("a", "b")),
        ("a/b/", ("a", "b")),
        ("a/.git/config", ("a", "_git", "config")),
        ("a/CON/x:y", ("a", "_CON", "x_y")),
        ("a/b:", ("a", "b_")),
        ("..%2f/x", ("_%2f", "x")),
        ("%2e%2e/x", ("%2e%2e", "x")),
        ("...a/x", ("_a", "x")),
    ],
)
def test_a_path_keeps_its_folders_each_jailed(text: str, path: tuple[str, ...]) -> None:
    assert safe_path(text) == path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("../x", "leaves its folder"),
        ("a/../../x", "leaves its folder"),
        ("a/..", "leaves its folder"),
        ("a\\..\\..\\x", "leaves its folder"),
        ("....//....//x", "leaves its folder"),
        (".../x", "leaves its folder"),
        (".. /x", "leaves its folder"),
        (". ./x", "leaves its folder"),
        (".\u200b./x", "leaves its folder"),
        ("..\x00/x", "leaves its folder"),
        ("..／x", "leaves its folder"),
        ("..∕x", "leaves its folder"),
        ("a/..⧸x", "leaves its folder"),
        ("/etc/passwd", "is not relative"),
        ("\\x", "is not relative"),
        (" /etc/passwd", "is not relative"),
        ("\u200b/etc/passwd", "is not relative"),
        ("／etc", "is not relative"),
        ("//host/share/x", "is not relative"),
        ("\\\\host\\share\\x", "is not relative"),
        ("\\\\?\\C:\\x", "is not relative"),
        ("C:\\x", "is not relative"),
        ("c:x", "is not relative"),
        ("C:/../x", "is not relative"),
        ("", "names no file"),
        (".", "names no file"),
        ("/", "names no file"),
        ("./", "names no file"),
        ("\x00", "names no file"),
    ],
)
def test_a_path_that_points_anywhere_but_down_is_refused(text: str, why: str) -> None:
    with pytest.raises(UnsafePath, match=why) as caught:
        safe_path(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "path"),
    [(".env", (".env",)), ("a/.git/b: c?.txt", ("a", ".git", "b: c?.txt")), ("./a//b", ("a", "b")), ("...", ("...",)), ("CON", ("CON",))],
)  # fmt: skip
def test_a_name_that_a_person_chose_stays_as_it_is(text: str, path: tuple[str, ...]) -> None:
    assert chosen_path(text) == path


@pytest.mark.parametrize(
    "text", ["", ".", "/", "/etc/x", "..", "a/../b", "a/..", "a\0b", "a\nb", "\x1b[31m", "n" * 208]
)
def test_a_chosen_path_points_down_and_is_one_that_can_be(text: str) -> None:
    with pytest.raises(UnsafePath) as caught:
        chosen_path(text)
    assert str(caught.value).isprintable()


@given(st.lists(hostile | st.sampled_from(["..", ".", "", "a"]), max_size=5).map("/".join))
def test_every_path_is_refused_or_harmless_in_all_its_components(text: str) -> None:
    try:
        path = safe_path(text)
    except UnsafePath:
        return
    assert path
    assert all(map(is_harmless, path))


@pytest.mark.parametrize(
    ("name", "stem", "extension"),
    [
        ("a.txt", "a", ".txt"),
        ("a.tar.gz", "a", ".tar.gz"),
        ("a.TAR.XZ", "a", ".TAR.XZ"),
        ("a.nii.gz", "a", ".nii.gz"),
        ("v1.2.gz", "v1.2", ".gz"),
        ("a.b.txt", "a.b", ".txt"),
        ("a", "a", ""),
        ("_a", "_a", ""),
        ("Mr. Smith goes home", "Mr. Smith goes home", ""),
        ("gz.gz", "gz", ".gz"),
        ("a." + "x" * 16, "a", "." + "x" * 16),
        ("a." + "x" * 17, "a." + "x" * 17, ""),
        ("a.abcdefghij.lzma", "a", ".abcdefghij.lzma"),
        ("", "", ""),
    ],
)
def test_an_extension_is_what_a_program_would_look_at(name: str, stem: str, extension: str) -> None:
    assert split_extension(name) == (stem, extension)


@pytest.mark.parametrize(
    ("name", "n", "expected"),
    [
        ("a.txt", 1, "a (1).txt"),
        ("a.tar.gz", 12, "a (12).tar.gz"),
        ("README", 2, "README (2)"),
        ("1. Intro", 3, "1. Intro (3)"),
    ],
)
def test_a_numbered_name_keeps_its_extension(name: str, n: int, expected: str) -> None:
    assert numbered(name, n) == expected


@given(hostile, st.integers(1, 10**6), st.integers(1, 10**6))
def test_numbered_names_are_harmless_and_different(text: str, one: int, two: int) -> None:
    name = safe_name(text)
    assert is_harmless(numbered(name, one))
    assert (numbered(name, one) == numbered(name, two)) is (one == two)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 日本\u3000😀", "plain ünï 日本\u3000😀"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202efdp\u2028", "\\u202efdp\\u2028"),
        ("\udc80\x9b", "\\udc80\\x9b"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert terminal_safe(text) == shown


@given(st.text(st.characters()))
def test_shown_text_has_one_line_and_can_be_written(text: str) -> None:
    shown = terminal_safe(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert "\x1b" not in shown
