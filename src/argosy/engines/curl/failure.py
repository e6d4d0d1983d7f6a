"""libcurl's errors, translated once, at the edge."""

from __future__ import annotations

import errno
import re
from typing import Final

import pycurl

from argosy.core.names import terminal_safe
from argosy.engines.curl.signal import Changed, Unusable
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    LocalError,
    NetworkError,
    ServerRefused,
    TlsError,
    UsageError,
)

# libcurl codes that PycURL does not name
_WEIRD_SERVER_REPLY, _HTTP2_STREAM, _HTTP3, _QUIC_CONNECT, _PROXY, _TOO_LARGE = 8, 92, 95, 96, 97, 100

_SECRET: Final = re.compile("@|'")
"""libcurl quotes what it could not parse, which may be a URL with a password in it."""

_NETWORK: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: ("dns", "the host name could not be resolved", "check the name and the network"),
    pycurl.E_COULDNT_RESOLVE_PROXY: ("proxy", "the proxy's name could not be resolved", "check --proxy"),
    pycurl.E_COULDNT_CONNECT: ("connect", "the server could not be reached", "check the address; it may be down"),
    pycurl.E_OPERATION_TIMEDOUT: ("timeout", "the server did not answer in time", "it is tried again by itself"),
    pycurl.E_PARTIAL_FILE: ("incomplete", "the connection ended before the file did", "it is tried again by itself"),
    pycurl.E_GOT_NOTHING: ("reset", "the server closed the connection without an answer", ""),
    pycurl.E_SEND_ERROR: ("reset", "the connection broke while sending", ""),
    pycurl.E_RECV_ERROR: ("reset", "the connection broke", "it is tried again by itself"),
    pycurl.E_HTTP2: ("reset", "the HTTP/2 connection broke", ""),
    _HTTP2_STREAM: ("reset", "the HTTP/2 stream broke", ""),
    _HTTP3: ("reset", "the HTTP/3 connection broke", ""),
    _QUIC_CONNECT: ("connect", "no QUIC connection could be made", "use --http auto"),
    pycurl.E_FTP_ACCEPT_TIMEOUT: ("timeout", "the FTP server did not connect in time", ""),
    _PROXY: ("proxy", "the proxy refused", "check --proxy and its credentials"),
    pycurl.E_SSH: ("reset", "the SSH connection broke", ""),
    pycurl.E_SSL_CONNECT_ERROR: (
        "tls_connect",
        "the secure connection could not be made",
        "it is tried again by itself",
    ),
}
_TLS: Final = {
    pycurl.E_PEER_FAILED_VERIFICATION: "the server's certificate or host key could not be verified",
    pycurl.E_SSL_CACERT_BADFILE: "the CA file could not be read",
    pycurl.E_SSL_CERTPROBLEM: "the client certificate could not be used",
    pycurl.E_SSL_CIPHER: "no common cipher",
    pycurl.E_SSL_ISSUER_ERROR: "the certificate's issuer is not trusted",
}


def translate(error: pycurl.error, curl: pycurl.Curl | None = None) -> ArgosyError:
    """Return what a failed transfer means. libcurl's own words are kept where they hold no secret.

    ``curl`` is the handle it failed on, not yet reset: it knows whether a proxy was in between.
    """
    code, detail = (error.args[0], str(error.args[1])) if len(error.args) > 1 else (0, str(error))
    said = f": {terminal_safe(detail[:160])}" if detail and not _SECRET.search(detail) else ""
    proxied = curl is not None and bool(curl.getinfo(pycurl.USED_PROXY))
    tunnel = curl.getinfo(pycurl.HTTP_CONNECTCODE) if curl is not None and proxied else 0
    if tunnel >= 300:
        return _refused_tunnel(tunnel)
    if code == pycurl.E_COULDNT_CONNECT and (proxied or "proxy" in detail):
        return NetworkError(f"the proxy could not be reached{said}", hint="check --proxy", code="proxy")
    if code == pycurl.E_COULDNT_CONNECT and curl is not None and curl.getinfo(pycurl.OS_ERRNO) == errno.ECONNREFUSED:
        hint = "check the port; the server may not be running"
        return NetworkError(f"nobody listens there{said}", hint=hint, code="connection_refused")
    if code in _NETWORK:
        name, message, hint = _NETWORK[code]
        return NetworkError(message + said, hint=hint, code=name)
    if code == pycurl.E_PEER_FAILED_VERIFICATION and curl is not None and curl.getinfo(pycurl.SCHEME).lower() == "sftp":
        hint = "if you trust it: ssh-keyscan -p PORT HOST >> ~/.ssh/known_hosts; if its key has changed, find out why"
        return TlsError(f"the server's host key is not the one that is known{said}", hint=hint, code="host_key")
    if code in _TLS:
        return TlsError(_TLS[code] + said, hint="name its CA with --cacert; --insecure trusts anybody")
    return _final(code, said)


def _refused_tunnel(status: int) -> ArgosyError:
    """The proxy answered CONNECT, and not with a tunnel."""
    message = f"the proxy answered {status}"
    if status == 407:
        hint = "give credentials in it: --proxy http://USER:PASSWORD@HOST:PORT"
        return AuthError(f"{message} Proxy Authentication Required", hint=hint, code="http_407")
    return NetworkError(
        message, hint="check --proxy; it may not allow this host", code="proxy", retryable=status >= 500
    )


def _final(code: int, said: str) -> ArgosyError:
    match code:
        case pycurl.E_LOGIN_DENIED | pycurl.E_REMOTE_ACCESS_DENIED:
            return AuthError(
                f"the server refused the login{said}", hint="check --user or ~/.netrc", code="login_denied"
            )
        case pycurl.E_REMOTE_FILE_NOT_FOUND | pycurl.E_FTP_COULDNT_RETR_FILE:
            return ServerRefused(f"the server has no such file{said}", hint="check the URL", code="not_found")
        case pycurl.E_UNSUPPORTED_PROTOCOL:  # the URL's scheme was looked at before: it is the answer's
            return BadResponse(f"the server does not speak HTTP as we know it{said}")
        case pycurl.E_URL_MALFORMAT:
            return UsageError(f"this URL cannot be fetched{said}", hint="http, https, ftp, ftps and sftp URLs can")
        case pycurl.E_FTP_COULDNT_USE_REST | pycurl.E_RANGE_ERROR:
            return Unusable(f"the server cannot begin in the middle{said}")
        case pycurl.E_BAD_DOWNLOAD_RESUME:
            return Changed("it is shorter than what is held")
        case 8 | pycurl.E_HTTP_RETURNED_ERROR | pycurl.E_BAD_CONTENT_ENCODING:
            return BadResponse(f"the server's answer makes no sense{said}")
        case 100:
            return BadResponse(f"the answer's header is too large{said}", code="header_too_large")
        case pycurl.E_FILESIZE_EXCEEDED:
            return BadResponse(f"the file is larger than may be{said}", code="bad_range")
        case pycurl.E_OUT_OF_MEMORY | pycurl.E_FAILED_INIT:
            return LocalError(f"libcurl could not go on{said}")
    return NetworkError(f"the transfer failed (libcurl {code}){said}")
