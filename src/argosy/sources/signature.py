"""Links that carry a signature (AWS Signature Version 4, in the query), for listings and for keys of any shape. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from argosy.value import dataclass

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose signature it is."""

    key_id: str
    secret: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.key_id!r})"


def static_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """Return those that stand in the environment, None if there are none or they come from elsewhere."""
    key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    return Credentials(key_id, secret, environ.get("AWS_SESSION_TOKEN")) if key_id and secret else None


def signed(
    base: str, path: str, query: Mapping[str, str], who: Credentials, *, region: str, at: str, seconds: int
) -> str:
    """Return a link to ``base`` and ``path`` (its dots written as they are) that is valid for so long from ``at``
    (``20260102T030405Z``).
    """
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    fields = {
        **query, "X-Amz-Algorithm": ALGORITHM, "X-Amz-Credential": f"{who.key_id}/{scope}", "X-Amz-Date": at,
        "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host",
    }  # fmt: skip
    if who.token is not None:
        fields["X-Amz-Security-Token"] = who.token
    text = written(fields)
    canonical = f"GET\n{path}\n{text}\nhost:{_host(base)}\n\nhost\nUNSIGNED-PAYLOAD"
    to_sign = f"{ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{who.secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    return f"{base}{kept(path)}?{text}&X-Amz-Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}"


def written(fields: Mapping[str, str]) -> str:
    """Return the query as it is signed: sorted, everything encoded that is not unreserved."""
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(fields.items()))


def kept(path: str) -> str:
    """Return the path with ``.`` and ``..`` written so that nobody on the way takes them for steps."""
    return "/".join(part if part.strip(".") or len(part) > 2 else part.replace(".", "%2E") for part in path.split("/"))


def _host(base: str) -> str:
    parts = urlsplit(base)
    usual = {"http": 80, "https": 443}[parts.scheme]
    return parts.netloc if parts.port not in (None, usual) else (parts.hostname or "")
