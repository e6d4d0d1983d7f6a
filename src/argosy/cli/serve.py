"""``argosy serve``."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from argosy import config
from argosy.cli.face import current
from argosy.cli.kinds import Number
from argosy.cli.loop import run
from argosy.cli.options import verb
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.service.context import Service
    from argosy.telemetry.log import Console

LOG_FORMATS = ("text", "json", "off")


@verb()
@click.option("--host", help="The address to listen on [default: the setting host, 127.0.0.1].")
@click.option("--port", type=Number(0, 65535), help="Its port; 0: any that is free [default: the setting port, 8970].")
@click.option(
    "-d",
    "--directory",
    "--dir",
    "directory",
    metavar="DIR",
    help="Where downloads go [default: the setting directory, else your folder of downloads].",
)
@click.option(
    "--allow-network",
    "networks",
    metavar="CIDR",
    multiple=True,
    help="Let it download from this private network, such as 192.168.0.0/16 (may be repeated).",
)
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="Let it be called by this further name (may be repeated).",
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser, logged in.")
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="text",
    show_default=True,
    help="How the log is shown on stderr; the log file is JSON.",
)
def serve(networks: tuple[str, ...], hosts: tuple[str, ...], opens: bool, log_format: Console, **given: Any) -> int:
    """Serve the runtime over HTTP until stopped.

    Its address is the one line on stdout. Ctrl-C or SIGTERM stops it: downloads put down what they have and go on at the
    next start. Twice stops it at once, which loses nothing either.
    """
    face = current(click.get_current_context())
    try:
        from argosy.service.daemon.daemon import login_link  # noqa: PLC0415 - an extra
        from argosy.service.daemon.daemon import serve as daemon  # noqa: PLC0415 - likewise
    except ImportError as error:
        if (error.name or "").startswith("argosy"):
            raise
        raise UsageError(
            f"the service needs {error.name}", hint="pip install 'argosy[service]'", code="missing_extra"
        ) from None
    settings = _settings(networks, hosts, given)

    async def ready(url: str, service: Service) -> None:
        face.say(url)
        if readable(settings["host"], settings["public_url"]):
            face.note(
                f"note: {settings['host']} is open to others, and without TLS its token can be read on its way: docs/security.md"
            )
        if opens:
            link = await login_link(service, url)
            if not await asyncio.to_thread(_browser, link):
                face.note(f"open this within two minutes, it logs you in once: {link}")
        else:
            face.note(
                "'argosy token' prints the token it wants; Ctrl-C stops it, and downloads go on at the next start"
            )

    return run(daemon(settings, ready=ready, console=log_format, verbose=face.verbose > 0), busy=True)


def readable(host: str, public_url: str) -> bool:
    """Tell whether the token crosses a network as it is: it listens for others, and nothing says that a proxy does TLS."""
    return host != "localhost" and not host.startswith("127.") and host != "::1" and not public_url.startswith("https:")


def _browser(link: str) -> bool:
    """Open the link and return whether that worked; a browser within the terminal would take that away from us."""
    import webbrowser  # noqa: PLC0415 - for --open only

    shown = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    try:
        return shown and webbrowser.open(link)
    except (webbrowser.Error, OSError):
        return False


def _settings(networks: tuple[str, ...], hosts: tuple[str, ...], given: dict[str, Any]) -> config.Config:
    """Return the settings with what the flags say on top; lists are added to."""
    settings = config.load()
    return settings.with_flags(
        **given,
        allow_network=_added(settings["allow_network"], networks),
        allow_host=_added(settings["allow_host"], hosts),
    )


def _added(text: str, more: tuple[str, ...]) -> str | None:
    return ",".join(filter(None, (text, *more))) if more else None
