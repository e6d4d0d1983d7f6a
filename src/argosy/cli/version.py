"""``argosy version``."""

from __future__ import annotations

import click

from argosy.about import VERSION
from argosy.cli.document import document
from argosy.cli.face import current
from argosy.cli.options import verb


@verb()
def version() -> None:
    """Print the version."""
    face = current(click.get_current_context())
    face.say(document("version/1", version=VERSION) if face.json else f"argosy {VERSION}")
