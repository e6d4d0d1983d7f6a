"""``curl`` commands, as a browser's "Copy as cURL" writes them."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any, Final

from argosy.core.sizes import parse_rate
from argosy.errors import UsageError
from argosy.lists.entry import Entry, Listing, named, nonsense

FLAGS: Final = frozenset({
    "-O", "--remote-name", "-J", "--remote-header-name", "-L", "--location", "-s", "--silent", "-S", "--show-error", "-f",
    "--fail", "--compressed", "-g", "--globoff", "-#", "--progress-bar", "-v", "--verbose", "--http1.1", "--http2", "--http3",
    "-4", "-6", "-i", "--include", "--location-trusted", "--create-dirs", "-R", "--remote-time", "--no-progress-meter",
})  # fmt: skip
"""What changes nothing here."""
VALUED: Final = frozenset({
    "-C", "--continue-at", "--retry", "--retry-delay", "--retry-max-time", "-m", "--max-time", "--connect-timeout", "-w",
    "--write-out", "-Y", "--speed-limit", "-y", "--speed-time",
})  # fmt: skip
"""What changes nothing here and has a value."""
SHORT: Final = {
    "--header": "-H", "--cookie": "-b", "--user-agent": "-A", "--referer": "-e", "--user": "-u", "--proxy": "-x",
    "--output": "-o", "--insecure": "-k", "--request": "-X", "--data-raw": "-d", "--data": "-d", "--data-binary": "-d",
    "--data-urlencode": "-d", "--data-ascii": "-d", "--form": "-F", "--head": "-I", "--upload-file": "-T",
}  # fmt: skip
TAKING: Final = frozenset({"-H", "-b", "-A", "-e", "-u", "-x", "-o", "-X", "-d", "-F", "-T", "--url", "--limit-rate",
                           "--output-dir", "--cacert", "-E", "--cert", "--key"})  # fmt: skip
PLAIN: Final = {
    "-A": "user_agent", "-e": "referer", "-u": "user", "-x": "proxy", "--cacert": "ca_file", "-E": "client_cert",
    "--cert": "client_cert", "--key": "client_key",
}  # fmt: skip
"""What is called otherwise here, and means the same."""
SENDING: Final = frozenset({"-X", "-d", "-F", "-T", "-I"})
NOT_OURS: Final = frozenset({"range", "if-range", "accept-encoding", "content-length", "connection", "host"})
"""Headers of the browser's own request that would break another one."""


def read(text: str, where: str) -> Listing:
    """Return what the command would download. UsageError says what of it cannot be done here."""
    try:
        words = shlex.split(_joined(text), comments=False)
    except ValueError as error:
        raise nonsense(where, f"a curl command with {error}") from None
    commands: list[list[str]] = []
    for word in words:
        if word in ("curl", "curl.exe"):
            commands.append([])
        elif commands and word not in (";", "&&", "&"):
            commands[-1].append(word.removesuffix(";") if word.endswith(";") and "://" in word else word)
    entries: list[Entry] = []
    for number, command in enumerate(commands, 1):
        try:
            entries += _entries(command)
        except UsageError as error:
            raise nonsense(f"{where}, command {number}", error.message, error.hint) from None
    return Listing("curl commands", tuple(entries))


def _joined(text: str) -> str:
    """Return the command on one line: a backslash (bash), a caret (cmd) or a backtick (PowerShell) continues it."""
    lines = text.replace("\r\n", "\n").split("\n")
    return " ".join(line[:-1] if line.endswith(("\\", "^", "`")) else line + "\n" for line in lines).replace('^"', '"')


def _entries(words: list[str]) -> list[Entry]:
    urls: list[str] = []
    entry = Entry(("",))
    rest = iter(words)
    for word in rest:
        option, value = _split(word)
        if option is None:
            urls.append(word)
            continue
        if option in TAKING | VALUED and value is None:
            value = next(rest, None)
            if value is None:
                raise UsageError(f"curl's {option} wants a value")
        if option == "--url":
            urls.append(value or "")
        else:
            entry = _with(entry, option, value or "")
    if not urls:
        raise UsageError("a curl command without a URL")
    if entry.name is not None and len(urls) > 1:
        entry = replace(entry, name=None)
    return [replace(entry, urls=(url if "://" in url else f"http://{url}",)) for url in urls]


def _split(word: str) -> tuple[str | None, str | None]:
    """Return the option a word is, by its short name where there is one, and the value glued to it."""
    if word.startswith("--"):
        return SHORT.get(word, word), None
    if not word.startswith("-") or word == "-":
        return None, None
    if len(word) > 2 and word[:2] in TAKING | VALUED:
        return word[:2], word[2:]
    if len(word) > 2 and all(f"-{letter}" in FLAGS or letter == "k" for letter in word[1:]):
        return ("-k" if "k" in word else "-L"), None
    return word, None


def _with(entry: Entry, option: str, value: str) -> Entry:
    if option in PLAIN:
        return _having(entry, **{PLAIN[option]: value})
    match option:
        case "-H":
            return _header(entry, value)
        case "-b":
            return _having(entry, **({"cookie": value} if "=" in value else {"cookie_file": value}))
        case "-k":
            return _having(entry, insecure=True)
        case "-o":
            return entry if value == "-" else replace(entry, name=named(value.removeprefix("./")))
        case "--output-dir":
            return replace(entry, directory=value)
        case "--limit-rate":
            return _having(entry, limit_bps=parse_rate(value))
    if option in SENDING and (option, value.upper()) != ("-X", "GET"):
        raise UsageError(
            f"a curl command that sends something ({option}) is no download", hint="only GET requests can be taken over"
        )
    if option in FLAGS | VALUED | SENDING:
        return entry
    raise UsageError(
        f"curl's option {option} is not known here", hint="take it out of the command, and see if it works"
    )


def _header(entry: Entry, line: str) -> Entry:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or name.lower() in NOT_OURS or name.startswith(":"):
        return entry
    match name.lower():
        case "cookie":
            return _having(entry, cookie=value)
        case "user-agent":
            return _having(entry, user_agent=value)
        case "referer":
            return _having(entry, referer=value)
    return _having(entry, headers=(*entry.options.get("headers", ()), (name, value)))


def _having(entry: Entry, **options: Any) -> Entry:  # noqa: ANN401 - an option's value
    return replace(entry, options={**entry.options, **options})
