"""What may be shown or logged of a text: everything but the secrets in it.

A secret is known by where it stands: before the ``@`` of a URL, in a parameter or header whose name says so. Hiding a
harmless word now and then is no harm, so the names are taken widely.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_TELLING: Final = r"token|secret|signature|sig|passw|pwd|api-?_?key|access-?_?key|private-?_?key|auth|cookie|credential|session|policy|hmac|jwt"
_USERINFO = r"(?i)([a-z][a-z0-9+.-]{1,20}://)[^/?#\s]*@"
_PARAMETER = rf"(?i)([?&;#])((?:[^=&;#\s]*(?:{_TELLING})[^=&;#\s]*)|key)=[^&;#\s'\"<>]*"
_HEADER = rf"""(?i)([\w-]*(?:{_TELLING})[\w-]*["']?(?:\s*:\s*["']?|["']\s*,\s*["']))[^\r\n"']+"""
"""``Cookie: a=b``, as a line or as Python or JSON write it."""
_ASSIGNED = rf"""(?i)([\w-]*(?:{_TELLING})[\w-]*=["']?)[^\s&;#'",)\]}}<>]+"""


def redacted(text: str) -> str:
    """Return ``text`` without user and password of URLs, without the values of parameters and of headers that look like
    keys to a door.
    """
    if "://" in text:
        text = re.sub(_USERINFO, rf"\1{HIDDEN}@", text)
        text = re.sub(_PARAMETER, rf"\1\2={HIDDEN}", text)
    return re.sub(_ASSIGNED, rf"\1{HIDDEN}", re.sub(_HEADER, rf"\1{HIDDEN}", text))


def redacted_url(url: str) -> str:
    """Return one URL so that it still says where something is; a text of which only the URLs' secrets are to go will do."""
    return re.sub(_PARAMETER, rf"\1\2={HIDDEN}", re.sub(_USERINFO, rf"\1{HIDDEN}@", url))


def redacted_proxy(value: str) -> str:
    """Return a proxy's address, with or without its scheme, without its user and password."""
    return redacted_url(value) if "://" in value else value.rpartition("@")[2]
