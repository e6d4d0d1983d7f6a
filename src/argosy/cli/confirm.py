"""Asking before something is lost: on a terminal a question, elsewhere ``--yes`` is the answer."""

from __future__ import annotations

import sys

import click

from argosy.cli import trouble


def confirmed(what: str, *, yes: bool) -> None:
    """Return if ``what`` may be done. Aborts if a person says no; a usage error where nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise trouble.usage(f"this would {what}, and nobody is there to ask", "add --yes if it is meant")
    click.confirm(f"This will {what}. Go on?", abort=True, err=True)
