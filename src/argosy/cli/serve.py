"""``argosy serve``."""

from __future__ import annotations

import click

from argosy import config
from argosy.cli.face import current
from argosy.cli.loop import run
from argosy.cli.options import verb
from argosy.errors import UsageError

HOST = "127.0.0.1"
PORT = 8970


@verb()
@click.option("--host", default=HOST, show_default=True, help="The address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
def serve(host: str, port: int) -> int:
    """Serve the runtime over HTTP until stopped."""
    face = current(click.get_current_context())
    try:
        from argosy.service.daemon import serve as daemon  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            f"the service needs {error.name}", hint="pip install 'argosy[service]'", code="missing_extra"
        ) from None
    run(daemon(config.load(), host, port, face.say), busy=True)
    return 0
