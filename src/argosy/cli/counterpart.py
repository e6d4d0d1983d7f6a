"""Who a verb talks to: the service that was named, the one logged in to, the daemon of this machine, or the store itself.

The verbs do not know: a :class:`~argosy.runtime.commands.Commands` answers the same in every case.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from argosy import config
from argosy.errors import ArgosyError, StoreError
from argosy.value import dataclass

if TYPE_CHECKING:
    from argosy.client.address import Address
    from argosy.runtime.commands import Commands

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
GONE = frozenset({"unreachable", "unanswered", "stopped"})
"""Codes of a daemon that stops or is killed while it is asked."""
NEAR_PATIENCE_S = 1.0
"""For so long a verb that goes on and on tries to get back to the daemon of this machine, before it asks the store."""
BREATH_S = 0.2


@dataclass(slots=True)
class Choice:
    """What somebody said about whom to ask."""

    server: str | None = None
    local: bool = False


def asking(function: F) -> F:
    """Give a verb ``--server`` and ``--local``."""
    options = (
        click.option(
            "--server", metavar="URL", expose_value=False, callback=_keep, help="Ask the service there [ARGOSY_URL]."
        ),
        click.option(
            "--local", is_flag=True, expose_value=False, callback=_keep, envvar="ARGOSY_LOCAL",
            help="Ask no service: look into the store of this machine.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    assert parameter.name is not None
    setattr(_choice(context), parameter.name, value)


def _choice(context: click.Context | None = None) -> Choice:
    context = context or click.get_current_context(silent=True)
    if context is None:
        return Choice()
    choice = context.meta.setdefault("argosy.choice", Choice())
    assert isinstance(choice, Choice)
    return choice


def address() -> Address | None:
    """Return where the service is that is to be asked; None: the store itself."""
    choice, home = _choice(), config.home()
    if choice.local:
        return None
    named = choice.server or os.environ.get("ARGOSY_URL")
    if not named and not home.endpoint.exists() and not (home.config / "remotes.toml").exists():
        return None  # the usual case, told without importing anything
    from argosy.client import discovery  # noqa: PLC0415 - only where there may be a service

    return discovery.find(home, choice.server)


@asynccontextmanager
async def opened(
    *, downloads: bool = False, near: bool = False, lost: Callable[[ArgosyError], None] | None = None
) -> AsyncIterator[Commands]:
    """Give who is to be asked. ``downloads``: if that is the store, what is added is run here, too. ``near``: it can
    only be the store. ``lost`` is told when a distant service went away and is waited for.
    """
    where = None if near else address()
    if where is None:
        from argosy.runtime.manager import Runtime  # noqa: PLC0415 - help and usage errors need none

        async with Runtime(work=downloads, session=downloads) as runtime:
            yield runtime
        return
    from argosy.client.client import Client  # noqa: PLC0415 - as above

    async with Client(where, patience_s=NEAR_PATIENCE_S if where.socket else None, lost=lost) as client:
        yield client


async def persistently(work: Callable[[Commands], Awaitable[T]], say: Callable[[str], None]) -> T:
    """Return what ``work`` makes of who is to be asked; if that is a daemon that goes away, ``work`` is called again with
    who is there then: it must know how far it got. ``say`` tells a person.
    """
    import asyncio  # noqa: PLC0415 - a verb's help needs no loop

    while True:
        where = address()
        try:
            async with opened(lost=_teller(where, say)) as commands:
                return await work(commands)
        except StoreError as error:
            if where is None or where.socket is None or error.detail_code not in GONE:
                raise
        await asyncio.sleep(BREATH_S)
        store = address() is None
        say("the daemon is gone; going on from the store" if store else "the daemon was gone; asking it again")


def _teller(where: Address | None, say: Callable[[str], None]) -> Callable[[ArgosyError], None] | None:
    """Return who tells that a distant service is waited for. The one of this machine is not: there is the store."""
    if where is None or where.socket is not None:
        return None
    return lambda error: say(f"{error.message}; trying again")
