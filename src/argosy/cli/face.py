"""How this command shows itself: JSON or words, quiet or talkative, with colour or without."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import cache
from typing import IO, Any, Literal, TypeVar

import click

from argosy.value import dataclass

Colour = Literal["auto", "always", "never"]
COLOURS = ("auto", "always", "never")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Face:
    """What a person asked of the looks of one command."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0
    colour: Colour = field(default="auto")

    def paints(self, stream: IO[str]) -> bool:
        """Tell whether colour belongs on ``stream``: the flag, then NO_COLOR, then FORCE_COLOR, then the terminal."""
        if self.colour != "auto":
            return self.colour == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if forces_colour():
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb"

    def style(self, text: str, stream: IO[str], **looks: Any) -> str:
        """Return ``text`` with ``looks`` (as of :func:`click.style`) where ``stream`` takes colour."""
        return click.style(text, **looks) if self.paints(stream) else text

    def note(self, text: str = "") -> None:
        """Say something beside the result."""
        if not self.quiet and not self.json:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the face is what prints

    def say(self, text: str = "") -> None:
        """Print a result."""
        print(text, flush=True)  # noqa: T201 - as above


def forces_colour() -> bool:
    return any(os.environ.get(name, "0") != "0" for name in ("FORCE_COLOR", "CLICOLOR_FORCE"))


@cache
def speaks_unicode(stream_name: str) -> bool:
    """Tell whether ``stdout`` or ``stderr`` can show more than ASCII."""
    encoding = getattr(getattr(sys, stream_name), "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").startswith("utf")


def from_words(words: Sequence[str]) -> Face:
    """Return the face that unparsed words ask for: an error may come before they could be parsed."""
    flags = list(words[: words.index("--")] if "--" in words else words)
    verbose = sum(word.count("v") for word in flags if word.startswith("-") and set(word) <= {"-", "v"})
    colour: Colour = "auto"
    for at, word in enumerate(flags):
        value = word.removeprefix("--color=") if word.startswith("--color=") else ""
        value = "".join(flags[at + 1 : at + 2]) if word == "--color" else value
        colour = "never" if value == "never" else "always" if value == "always" else colour
    return Face("--json" in flags, "-q" in flags or "--quiet" in flags, verbose + flags.count("--verbose"), colour)


def faced(function: F) -> F:
    """Give a verb ``--json``, ``--color``, ``-v`` and ``-q``; they arrive as a :class:`Face` through :func:`current`."""
    options = (
        click.option("--json", is_flag=True, expose_value=False, callback=_keep, help="Print JSON on stdout."),
        click.option(
            "--color", "colour", type=click.Choice(COLOURS), default="auto", expose_value=False, callback=_keep,
            envvar="ARGOSY_COLOR", help="Use colour: by default on a terminal only.",
        ),
        click.option(
            "-q", "--quiet", is_flag=True, expose_value=False, callback=_keep, help="Say nothing but results and errors."
        ),
        click.option(
            "-v", "--verbose", count=True, expose_value=False, callback=_keep, help="Tell more; -vv even tracebacks."
        ),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    assert parameter.name is not None
    setattr(current(context), parameter.name, value)


def current(context: click.Context | None = None) -> Face:
    """Return the face of the command that runs."""
    context = context or click.get_current_context()
    face = context.meta.setdefault("argosy.face", Face())
    assert isinstance(face, Face)
    return face
