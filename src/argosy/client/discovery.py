"""Who is to be asked: a service that was named, the one logged in to, the one of this machine, or nobody."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from argosy import config
from argosy.about import VERSION
from argosy.client import remotes
from argosy.client.address import Address, root_of
from argosy.errors import AuthError, LocalError, StoreError
from argosy.runtime import endpoint
from argosy.runtime.endpoint import Endpoint

URL: Final = "ARGOSY_URL"
TOKEN: Final = "ARGOSY_TOKEN"  # noqa: S105 - a variable's name
KNOCK_S: Final = 1.0
"""A service on this machine takes a connection at once, however busy it is."""


def find(home: config.Home, server: str | None = None, environ: Mapping[str, str] | None = None) -> Address | None:
    """Return where to ask; None: nowhere, the store itself is to be used.

    In this order: ``server``, ``ARGOSY_URL``, the service logged in to, the daemon of ``home`` if it runs.
    """
    environ = os.environ if environ is None else environ
    named = server or environ.get(URL)
    if named:
        return _named(root_of(named), home, environ)
    known = remotes.load(home)
    if known.current is not None:
        return known.addresses[known.current]
    return local(home, environ)


def _named(url: str, home: config.Home, environ: Mapping[str, str]) -> Address:
    """Return the service with the token that is for it: that of the environment is for ``ARGOSY_URL`` only."""
    given = environ.get(URL)
    if environ.get(TOKEN) and given and root_of(given) == url:
        known = remotes.load(home).addresses.get(url)
        return Address(
            url, environ[TOKEN], None, known.ca_file if known else config.load(environ=environ)["ca_file"] or None
        )
    known = remotes.load(home).addresses.get(url)
    if known is not None:
        return known
    here = running(home)
    if here is not None and root_of(here.url) == url:
        return _of_endpoint(here, home, environ)
    raise AuthError(
        f"no token is known for {url}", hint=f"argosy login {url}, or ARGOSY_URL and ARGOSY_TOKEN", code="unauthorized"
    )


def local(home: config.Home, environ: Mapping[str, str] | None = None) -> Address | None:
    """Return the daemon of ``home`` if it runs and answers. Raises StoreError if it is of a release that we are not."""
    here = running(home)
    if here is None:
        return None
    if not same_release(here.version, VERSION):
        raise StoreError(
            f"the daemon (pid {here.pid}) is argosy {here.version}, and this is argosy {VERSION}",
            hint="stop it and start it again: 'argosy serve'",
            code="daemon_version",
        )
    return _of_endpoint(here, home, os.environ if environ is None else environ)


def running(home: config.Home) -> Endpoint | None:
    """Return how the daemon of ``home`` is reached, None if there is none: the process lives and takes connections."""
    found = endpoint.read(home.endpoint)
    return found if found is not None and answers(found) else None


def same_release(one: str, other: str) -> bool:
    """Tell whether two releases understand each other and each other's store: they differ in corrections only."""
    return one.split(".")[:2] == other.split(".")[:2]


def answers(found: Endpoint) -> bool:
    """Tell whether somebody takes connections there."""
    parts = urlsplit(found.url)
    try:
        if found.socket is not None and hasattr(socket, "AF_UNIX"):
            with closing(socket.socket(socket.AF_UNIX)) as knocking:
                knocking.settimeout(KNOCK_S)
                knocking.connect(found.socket)
        else:
            socket.create_connection((parts.hostname or "", parts.port or 80), KNOCK_S).close()
    except OSError:
        return False
    return True


def _of_endpoint(here: Endpoint, home: config.Home, environ: Mapping[str, str]) -> Address:
    token = (None if environ.get(URL) else environ.get(TOKEN)) or token_of(home)
    if here.socket is not None and hasattr(socket, "AF_UNIX"):
        return Address("http://localhost", token, here.socket)
    return Address(root_of(here.url), token)


def token_of(home: config.Home) -> str:
    """Return the daemon's token. Raises LocalError if it is not ours to read."""
    try:
        return home.token.read_text(encoding="ascii").strip()
    except OSError as error:
        raise LocalError(
            f"a daemon runs, but its token cannot be read: {home.token}: {error.strerror}",
            hint="run as the user that started it, or give ARGOSY_TOKEN",
        ) from None
