"""The command ``argosy``: one module a verb, and a few that all verbs share.

Nothing here decides anything about downloads. A verb reads words, calls the runtime, and shows what it answers:
``verbs`` lists the verbs, ``app`` finds and runs one, ``loop`` is the only bridge to asyncio, ``signals`` the only one
to Ctrl-C, ``show`` and ``table`` draw on a terminal, ``document`` makes the JSON.

``argosy --help`` is answered from :mod:`argosy.cli.verbs` alone, before anything else is imported.
"""

from __future__ import annotations

import gc
import os
import sys

HELP_WORDS = (["--help"], ["-h"], ["help"])


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if words is None else words
    if "_ARGOSY_COMPLETE" not in os.environ and (not words or words in HELP_WORDS):
        return _overview(asked=bool(words))
    gc.disable()  # nothing of what is imported now is garbage; `loop` switches it on again
    from argosy.cli.app import run  # noqa: PLC0415 - the overview must not pay for it

    try:
        return run(words)
    finally:
        gc.freeze()  # nor is it worth looking through all of it once more at the end


def _overview(*, asked: bool) -> int:
    from argosy.cli.verbs import overview  # noqa: PLC0415 - as above

    try:
        print(overview(), file=sys.stdout if asked else sys.stderr, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if asked else 2
