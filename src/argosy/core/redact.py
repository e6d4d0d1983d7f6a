"""What may be shown or logged of a text: everything but the secrets in it.

A secret is known by where it stands: before the ``@`` of a URL, in a parameter or header whose name says so. Hiding a
harmless word now and then is no harm, so the names are taken widely.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_TELLING: Final = r"token|secret|signature|sig|passw|pwd|api-?_?key|access-?_?key|private-?_?key|auth|cookie|credential|session|policy|hmac|jwt"
_USERINFO = re.compile(r"([a-z][a-z0-9+.-]{1,20}://)[^/?#\s]*@", re.IGNORECASE)
_PARAMETER = re.compile(rf"([?&;#])((?:[^=&;#\s]*(?:{_TELLING})[^=&;#\s]*)|key)=[^&;#\s'\"<>]*", re.IGNORECASE)
_HEADER = re.compile(rf"""([\w-]*(?:{_TELLING})[\w-]*["']?(?:\s*:\s*["']?|["']\s*,\s*["']))[^\r\n"']+""", re.IGNORECASE)
"""``Cookie: a=b``, as a line or as Python or JSON write it."""
_ASSIGNED = re.compile(rf"""([\w-]*(?:{_TELLING})[\w-]*=["']?)[^\s&;#'",)\]}}<>]+""", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return ``text`` without user and password of URLs, without the values of parameters and of headers that look like
    keys to a door.
    """
    if "://" in text:
        text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
        text = _PARAMETER.sub(rf"\1\2={HIDDEN}", text)
    return _ASSIGNED.sub(rf"\1{HIDDEN}", _HEADER.sub(rf"\1{HIDDEN}", text))


def redacted_url(url: str) -> str:
    """Return one URL so that it still says where something is; a text of which only the URLs' secrets are to go will do."""
    return _PARAMETER.sub(rf"\1\2={HIDDEN}", _USERINFO.sub(rf"\1{HIDDEN}@", url))


def redacted_proxy(value: str) -> str:
    """Return a proxy's address, with or without its scheme, without its user and password."""
    return redacted_url(value) if "://" in value else value.rpartition("@")[2]
