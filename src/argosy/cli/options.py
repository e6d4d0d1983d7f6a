"""The options that verbs share, and what they become."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from argosy.cli import settings
from argosy.cli.counterpart import asking
from argosy.cli.face import faced
from argosy.cli.kinds import CHECKSUM, DURATION, HEADER, RATE, SIZE, Number
from argosy.core.types import TransferOptions

F = TypeVar("F", bound=Callable[..., Any])
IF_EXISTS = ("rename", "overwrite", "skip", "newer", "fail")
HTTP_VERSIONS = ("auto", "1.1", "2", "3")

_WHAT = (
    click.option("-i", "--input", "input_file", metavar="FILE", help="Read what to fetch from FILE, '-' for standard input: URLs one a line (aria2's lists too), Metalink, CSV, JSON, curl commands, a DOWNLOAD_QUEUE database."),
    click.option("-o", "--output", metavar="NAME", help="Call the file NAME (one URL only; may hold folders). With get, '-': write it to standard output once it is whole."),
    click.option("-d", "--dir", "directory", metavar="DIR", help="Put files into DIR."),
    click.option("--include", metavar="PATTERN", multiple=True, help="Of a dataset, model or bucket take only files like '*.json' or 'sub-01/' (may be repeated)."),
    click.option("--exclude", metavar="PATTERN", multiple=True, help="Leave out files like that (may be repeated)."),
    click.option("--together", is_flag=True, help="Take all URLs as one task of many files."),
    click.option("--mirror", "mirrors", metavar="URL", multiple=True, help="Another place with the same bytes (one URL only; may be repeated)."),
    click.option("--checksum", type=CHECKSUM, help="What the file must be: sha256:HEX, md5:HEX, or a bare digest (one URL only)."),
    click.option("--sums", metavar="URL|auto", help="Take checksums from a SHA256SUMS-like list there; 'auto' looks beside each file."),
    click.option("--size", type=SIZE, help="How long the file is, if you know (one URL only)."),
    click.option("--if-exists", type=click.Choice(IF_EXISTS), default="rename", show_default=True, help="What to do if another file of that name is there."),
    click.option("--keep-time/--no-keep-time", default=True, show_default=True, help="Give the file the server's time."),
    click.option("--allow-html", is_flag=True, help="Take a web page even where the name promises something else."),
)  # fmt: skip
_HOW = (
    click.option("-x", "--connections", type=Number(0, 64), default=0, show_default="8, and up to 32 where each brings as much as the others", help="Most connections for one file."),
    click.option("--limit", "--limit-rate", "limit", type=RATE, metavar="RATE", help="Most bytes per second for each task, such as 2M."),
    click.option("--retries", type=Number(0), default=5, show_default=True, help="How often to try again without any progress."),
    click.option("--timeout", type=DURATION, default="30s", show_default=True, help="Give up a connection after so long without a byte."),
    click.option("--connect-timeout", type=DURATION, default="20s", show_default=True, help="Give up connecting after so long."),
    click.option("--engine", metavar="NAME", help="Have this engine move the bytes, such as wget, instead of the one that is usual for the URL."),
    click.option("--quality", metavar="Q", default="best", show_default=True, help="Of streams and videos: best, worst, 720p (at most), or bits a second such as 2M."),
    click.option("--record", "record_s", type=DURATION, help="Record a live stream for so long; else until it ends."),
    click.option("--subs", "subtitles", metavar="LANGUAGES", default="", help="Of streams and video pages: the subtitles too, such as en,de; 'all' for every language."),
    click.option("--languages", metavar="LANGUAGES", default="", help="Of streams: sound in these languages, such as en,de, or 'all' [default: the stream's own]."),
    click.option("--join/--no-join", default=True, show_default=True, help="Of streams: put picture and sound into one file."),
    click.option("--remux/--no-remux", default=True, show_default=True, help="Of streams: make an MP4 of a transport stream."),
    click.option("--thumbnail", is_flag=True, help="Of video pages: the picture of each video too."),
    click.option("--http", "http_version", type=click.Choice(HTTP_VERSIONS), default="auto", show_default=True, help="HTTP version to speak."),
)  # fmt: skip
_WHO = (
    click.option("-H", "--header", "headers", type=HEADER, multiple=True, help="Send this header to the host of the URL (may be repeated)."),
    click.option("-A", "--user-agent", metavar="TEXT", help="Say to be this program."),
    click.option("-e", "--referer", metavar="URL", help="Say to come from this page."),
    click.option("-u", "--user", metavar="NAME:PASSWORD", help="Log in; without a password it is asked for."),
    click.option("-b", "--cookie", metavar="NAME=VALUE", help="Send these cookies."),
    click.option("--cookies", "cookie_file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Send the cookies of a Netscape cookie file."),
    click.option("--netrc/--no-netrc", default=True, show_default=True, help="Take credentials from ~/.netrc."),
    click.option("--netrc-file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Take them from FILE."),
    click.option("--proxy", metavar="URL", help="Go through http://…, socks5h://…; 'none' for no proxy at all."),
    click.option("--cacert", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Trust the certificates in FILE."),
    click.option("--cert", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Show this client certificate."),
    click.option("--key", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Its key."),
    click.option("-k", "--insecure", is_flag=True, help="Do not check the server's certificate."),
)  # fmt: skip


def transfer(function: F) -> F:
    """Give a verb everything that says what to fetch and how; it arrives as keywords for :func:`transfer_options`."""
    for option in reversed((*_WHAT, *_HOW, *_WHO)):
        function = option(function)
    return function


def transfer_options(given: dict[str, Any]) -> TransferOptions:
    """Return how to transfer. A user without a password is asked for it on a terminal."""
    proxy = given["proxy"]
    return TransferOptions(
        connections=given["connections"],
        quality=given["quality"],
        record_s=given["record_s"],
        subtitles=_words(given["subtitles"]),
        languages=_words(given["languages"]),
        join=given["join"],
        remux=given["remux"],
        thumbnail=given["thumbnail"],
        headers=tuple(given["headers"]),
        user_agent=given["user_agent"],
        referer=given["referer"],
        user=_with_password(given["user"]),
        cookie=given["cookie"],
        cookie_file=_absolute(given["cookie_file"]),
        netrc=given["netrc"],
        netrc_file=_absolute(given["netrc_file"]),
        proxy="" if proxy and proxy.lower() == "none" else proxy,
        ca_file=_absolute(given["cacert"]),
        insecure=given["insecure"],
        client_cert=_absolute(given["cert"]),
        client_key=_absolute(given["key"]),
        http_version=given["http_version"],
        limit_bps=given["limit"],
        connect_timeout_s=given["connect_timeout"],
        stall_timeout_s=given["timeout"],
        if_exists=given["if_exists"],
        keep_time=given["keep_time"],
        allow_html=given["allow_html"],
        sidecar=given["sums"],
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _with_password(user: str | None) -> str | None:
    if user is None or ":" in user:
        return user
    return f"{user}:{click.prompt(f'Password of {user}', hide_input=True, err=True, default='', show_default=False)}"


def _absolute(path: str | None) -> str | None:
    """Return the path as another process, in another folder, will still find it."""
    return None if path is None else os.path.normpath(Path.cwd() / Path(path).expanduser())


# -- settings from the files -------------------------------------------------------------------------


class Configured(click.Command):
    """A verb whose options take their defaults from the settings files."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if not {"-h", "--help"} & set(args):  # a broken settings file must not hide the help
            extra["default_map"] = settings.defaults()
        return super().make_context(info_name, args, parent, **extra)


def verb(
    *, configured: bool = False, asks: bool = False, **attributes: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a verb. It has a face; ``configured``: its options heed the settings; ``asks``: it can be said whom
    it asks.
    """

    def make(function: Callable[..., Any]) -> click.Command:
        kind = Configured if configured else click.Command
        return click.command(cls=kind, **attributes)(faced(asking(function) if asks else function))

    return make


jobs_option = click.option(
    "-j", "--jobs", type=Number(1, 1000), help="How many tasks run at once [default: as 'argosy limits' says]."
)
