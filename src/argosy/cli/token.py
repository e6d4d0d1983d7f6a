"""``argosy token``."""

from __future__ import annotations

import os

import click

from argosy import config
from argosy.cli.document import document
from argosy.cli.face import current
from argosy.cli.options import verb
from argosy.errors import UsageError


@verb()
@click.option(
    "--rotate", is_flag=True, help="Make a new one; the old one, and every session it opened, is no good any more."
)
def token(*, rotate: bool) -> int:
    """Print the token that opens the service on this machine; it is made if there is none yet."""
    from argosy.service.security import secret  # noqa: PLC0415 - a verb's help needs none of it

    face = current(click.get_current_context())
    home = config.home()
    if rotate:
        if os.environ.get(secret.VARIABLE):
            raise UsageError(
                f"the token is that of {secret.VARIABLE}", hint="change it there, or unset it", code="token_given"
            )
        secret.renewed(home.token)
    printed = secret.load(home).token
    face.say(document("token/1", token=printed) if face.json else printed)
    return 0
