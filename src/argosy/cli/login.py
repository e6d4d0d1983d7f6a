"""``argosy login`` and ``argosy logout``: which service on another machine is asked, and as whom."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy import config
from argosy.cli.face import current
from argosy.cli.loop import run
from argosy.cli.options import verb
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.client.address import Address

LONGEST_TOKEN = 4096


@verb()
@click.argument("url")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option(
    "--cacert", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Trust the certificates in FILE."
)
def login(url: str, cacert: str | None, *, token_stdin: bool) -> int:
    """Ask the service at URL from now on, instead of the daemon or the store of this machine.

    The token is asked for on a terminal, or read from standard input; it is checked, and kept in a file that only you can
    read. 'argosy token' prints it where the service runs. --local asks this machine for once, 'argosy logout' for good.
    """  # fmt: skip
    from argosy.client import remotes  # noqa: PLC0415 - help needs none
    from argosy.client.address import Address, root_of  # noqa: PLC0415 - as above

    face, home = current(click.get_current_context()), config.home()
    ca_file = None if cacert is None else os.path.normpath(Path.cwd() / cacert)
    place = Address(root_of(url), ca_file=ca_file)
    if place.in_clear:
        face.note("this connection is not encrypted: whoever can listen to it can read the token; https:// is better")
    place = Address(place.url, _token(place.url, from_stdin=token_stdin), None, ca_file)
    run(_check(place))
    file = remotes.save(home, remotes.load(home).having(place))
    if face.json:
        from argosy.cli import document  # noqa: PLC0415 - for JSON only

        face.say(document.document("login/1", url=place.url, file=str(file)))
    else:
        face.note(f"logged in to {place.url}: the verbs ask it from now on; 'argosy logout' ends that")
    return 0


@verb()
@click.argument("url", required=False)
def logout(url: str | None) -> int:
    """Forget the token of the service at URL, or of the one that is asked now."""
    from argosy.client import remotes  # noqa: PLC0415 - help needs none
    from argosy.client.address import root_of  # noqa: PLC0415 - as above

    face, home = current(click.get_current_context()), config.home()
    known = remotes.load(home)
    gone = root_of(url) if url is not None else known.current
    if gone is None or gone not in known.addresses:
        raise UsageError(
            "you are not logged in" + (f" to {gone}" if gone else ""),
            hint=f"known: {', '.join(sorted(known.addresses))}" if known.addresses else "",
        )
    remotes.save(home, known.without(gone))
    face.note(f"logged out of {gone}")
    return 0


def _token(url: str, *, from_stdin: bool) -> str:
    """Return the token; it is never an argument, which every user of the machine could read."""
    if from_stdin or not sys.stdin.isatty():
        text = sys.stdin.readline(LONGEST_TOKEN)
    else:
        text = click.prompt(f"Token of {url}", hide_input=True, err=True, default="", show_default=False)
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("that is no token", hint="'argosy token' prints it where the service runs")
    return token


async def _check(place: Address) -> None:
    """The service is there and takes the token. Raises what says otherwise."""
    from argosy.client.client import Client  # noqa: PLC0415 - help needs none

    async with Client(place) as client:
        await client.counts()
