"""Random texts of ours that we know again without looking anything up: nobody who makes them up can make us read the store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final

RANDOM_BYTES: Final = 32
SEAL_BYTES: Final = 9


def mint(key: bytes, prefix: str) -> str:
    """Return a new text of 256 random bits that begins with ``prefix``."""
    body = prefix + secrets.token_urlsafe(RANDOM_BYTES)
    return body + _seal(key, body)


def ours(key: bytes, text: str, prefix: str) -> bool:
    """Tell whether the text was minted with this key and prefix; whether it is still good is another question."""
    length = len(_seal(b"", ""))
    body, seal = text[:-length], text[-length:]
    return text.isascii() and body.startswith(prefix) and hmac.compare_digest(seal, _seal(key, body))


def digest(text: str) -> str:
    """Return what is kept of a secret: enough to know it again, useless to whoever reads it."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _seal(key: bytes, body: str) -> str:
    full = hmac.digest(key, b"argosy minted\0" + body.encode(), "sha256")
    return urlsafe_b64encode(full[:SEAL_BYTES]).decode()
