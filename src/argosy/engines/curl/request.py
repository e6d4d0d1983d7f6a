"""A request as libcurl options: who may see which credential, which protocols, which certificate."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pycurl

from argosy.about import VERSION
from argosy.core.answer import Asked
from argosy.core.types import TransferOptions
from argosy.value import dataclass

HTTP: Final = frozenset({"http", "https"})
SCHEMES: Final = HTTP | {"ftp", "ftps", "sftp"}
_PROTOCOLS: Final = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS | pycurl.PROTO_FTP | pycurl.PROTO_FTPS | pycurl.PROTO_SFTP
_VERSIONS: Final = {
    "auto": pycurl.CURL_HTTP_VERSION_2TLS,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2,
    "3": pycurl.CURL_HTTP_VERSION_3,
}
BUFFER_BYTES: Final = 4 * 1024 * 1024
"""As much as a socket holds: the fewer the calls, the less each byte costs. All requests share one such buffer."""
LIMITED_BUFFER_BYTES: Final = 16 * 1024
"""Small where a rate limit holds, so that it holds smoothly."""
HARMLESS: Final = frozenset({"accept", "accept-language", "user-agent"})
"""Headers of the user's that another origin may see too."""
USER_AGENT: Final = f"argosy/{VERSION}"
_CA_FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request to be made."""

    url: str
    asked: Asked
    if_range: str | None = None
    trusted: bool = True
    """Whether the URL is of the origin that the user's credentials are for."""
    plain_http: bool = False
    """Speak HTTP/1.1: further connections are meant to be connections, not streams of one."""
    limited: bool = False
    conditions: tuple[tuple[str, str], ...] = ()
    challenged: bool = False
    """The server wants another kind of login than Basic, which is what is sent unasked."""
    cookies: tuple[bytes, ...] = ()
    """What servers have set in the course of this file, each bound to where it came from."""
    body: bytes | None = None
    """What is sent; None: nothing, the request is a GET."""


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what credentials are bound to: scheme, host and port."""
    parts = urlsplit(url)
    try:
        given = parts.port
    except ValueError:
        given = None  # libcurl will refuse the URL, without repeating it
    port = given or {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def address(curl: pycurl.Curl, url: str) -> None:
    """Set the URL, and what depends on nothing else."""
    curl.setopt(pycurl.URL, url)
    written_so = "%2" in url and "%2e" in url.lower()  # on purpose: a part of the name, as an object's key may have
    curl.setopt(pycurl.PATH_AS_IS, int(written_so))


def configure(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    """Set every option of the request on a fresh handle, except the callbacks."""
    set_ = curl.setopt
    address(curl, request.url)
    set_(pycurl.PROTOCOLS, _PROTOCOLS)
    set_(pycurl.NOSIGNAL, 1)
    set_(pycurl.BUFFERSIZE, LIMITED_BUFFER_BYTES if request.limited else BUFFER_BYTES)
    set_(pycurl.CONNECTTIMEOUT_MS, int(options.connect_timeout_s * 1000))
    set_(pycurl.TCP_KEEPALIVE, 1)
    asked = request.asked
    if asked.ranged and (asked.first or asked.last is not None or request.url[:4] == "http"):  # FTP has no 206
        set_(pycurl.RANGE, f"{asked.first}-{'' if asked.last is None else asked.last}")
    if request.url[:4] == "http":
        _configure_http(curl, request, options)
    else:
        set_(pycurl.OPT_FILETIME, 1)
        set_(pycurl.FTP_FILEMETHOD, pycurl.FTPMETHOD_SINGLECWD)
    if request.url[:5] == "sftp:":
        _configure_ssh(curl, request, options)
    else:
        _configure_tls(curl, request, options)
    _configure_login(curl, request, options)
    if options.proxy is not None:
        set_(pycurl.PROXY, options.proxy)


def _configure_http(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    plain = request.plain_http and options.http_version == "auto"
    curl.setopt(pycurl.HTTP_VERSION, _VERSIONS["1.1" if plain else options.http_version])
    headers = ["Accept: */*", "Accept-Encoding: identity", f"User-Agent: {options.user_agent or USER_AGENT}"]
    if request.if_range is not None:
        headers.append(f"If-Range: {request.if_range}")
    headers.extend(f"{name}: {value}" for name, value in request.conditions)
    for name, value in options.headers:
        if request.trusted or name.lower() in HARMLESS:
            headers = [line for line in headers if line.split(":")[0].lower() != name.lower()]
            headers.append(f"{name}: {value}" if value else f"{name};")
    curl.setopt(pycurl.HTTPHEADER, [line.encode() for line in headers])
    if request.body is not None:
        curl.setopt(pycurl.POSTFIELDS, request.body)
    if options.referer is not None:
        curl.setopt(pycurl.REFERER, options.referer)
    _configure_cookies(curl, request, options)


def _configure_cookies(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    """Those of a file and those that servers have set say themselves where they may go; a bare value does not."""
    curl.setopt(pycurl.COOKIEFILE, options.cookie_file or "")
    for cookie in request.cookies:
        curl.setopt(pycurl.COOKIELIST, cookie)
    if options.cookie is not None and request.trusted:
        curl.setopt(pycurl.COOKIE, options.cookie)


def _configure_tls(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    """Also where the URL needs none: its proxy may."""
    if options.insecure:
        curl.setopt(pycurl.SSL_VERIFYPEER, 0)
        curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    ca_file = options.ca_file or system_ca_file()
    if ca_file is not None:
        curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.PROXY_CAINFO, ca_file)
    if options.client_cert is not None and request.trusted:
        curl.setopt(pycurl.SSLCERT, options.client_cert)
        if options.client_key is not None:
            curl.setopt(pycurl.SSLKEY, options.client_key)


def _configure_ssh(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    """Only hosts whose key is known already are talked to; libcurl refuses all others unless asked what to do."""
    if not options.insecure:
        curl.setopt(pycurl.SSH_KNOWNHOSTS, str(Path.home() / ".ssh" / "known_hosts"))
    key = options.client_key or (None if options.public_only else _identity())
    if key is not None and request.trusted:
        curl.setopt(pycurl.SSH_PRIVATE_KEYFILE, key)


def _configure_login(curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
    """Basic credentials are sent unasked: servers that hide what they have answer 404, not 401."""
    if options.netrc or options.netrc_file:
        curl.setopt(pycurl.NETRC, pycurl.NETRC_OPTIONAL)
        if options.netrc_file or os.environ.get("NETRC"):
            curl.setopt(pycurl.NETRC_FILE, options.netrc_file or os.environ["NETRC"])
    if request.challenged:
        curl.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_ANY)
    if options.user is not None and request.trusted:
        curl.setopt(pycurl.USERPWD, options.user.encode())


def system_ca_file() -> str | None:
    """Return the CA bundle to trust: the environment's, else the system's (wheels of libcurl bring none)."""
    for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if named := os.environ.get(name):
            return named
    return _installed_ca_file()


@cache
def _installed_ca_file() -> str | None:
    return next((path for path in _CA_FILES if Path(path).exists()), None)


def _identity() -> str | None:
    """Return the user's own SSH key, the kind that is best first; libcurl looks for an RSA key only."""
    keys = (Path.home() / ".ssh" / f"id_{kind}" for kind in ("ed25519", "ecdsa", "rsa"))
    return next((str(key) for key in keys if key.exists()), None)
