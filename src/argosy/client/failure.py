"""What went wrong between us and a service: libcurl's words and the service's problems as our own errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pycurl

from argosy.core.names import terminal_safe
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    Conflict,
    Failure,
    ServerBusy,
    StoreError,
    TlsError,
    TransferError,
    UnknownTask,
    UsageError,
)

PROBLEM: Final = "application/problem+json"
MOST_SAID: Final = 300
"""Characters of what a service says that are passed on."""
_TLS: Final = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM, pycurl.E_SSL_ISSUER_ERROR, pycurl.E_SSL_CIPHER,
    }
)  # fmt: skip
_NEVER_SENT: Final = frozenset(
    {pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY}
)
_WORDS: Final = {
    pycurl.E_COULDNT_RESOLVE_HOST: "its name could not be resolved",
    pycurl.E_COULDNT_RESOLVE_PROXY: "the proxy's name could not be resolved",
    pycurl.E_COULDNT_CONNECT: "nobody answers there",
}
_BY_STATUS: Final[Mapping[int, type[ArgosyError]]] = {
    401: AuthError, 403: AuthError, 404: UsageError, 405: UsageError, 409: Conflict, 412: Conflict, 429: ServerBusy,
    502: TransferError,
}  # fmt: skip


class Unreachable(StoreError):
    """The service could not be asked, or what it answered was lost on the way."""

    code = "unreachable"
    retryable = True
    sent = True
    """Whether the service may have got the request."""


def of_curl(error: pycurl.error, url: str) -> ArgosyError:
    """Return what a request that got no answer means."""
    number, detail = (error.args[0], str(error.args[1])) if len(error.args) > 1 else (0, str(error))
    if number in _TLS:
        return TlsError(
            f"{url}: the secure connection could not be made: {terminal_safe(detail[:MOST_SAID])}",
            hint="name the service's CA with 'argosy login URL --cacert FILE'",
        )
    if number in (pycurl.E_UNSUPPORTED_PROTOCOL, 8, 100):
        return BadResponse(f"{url} does not speak HTTP as we know it", hint="is that the address of an Argosy service?")
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return Unreachable(
            f"the service at {url} did not answer in time", hint="is it busy, or stopped? Try again", code="unanswered"
        )
    said = _WORDS.get(number, "the connection broke")
    lost = Unreachable(f"cannot reach the service at {url}: {said}", hint="is it running? 'argosy doctor' looks for it")
    lost.sent = number not in _NEVER_SENT
    return lost


def of_answer(status: int, headers: Mapping[str, str], body: bytes, url: str) -> ArgosyError:
    """Return the error that an answer stands for."""
    if 300 <= status < 400:
        where = terminal_safe(headers.get("location", "")[:MOST_SAID])
        return BadResponse(
            f"{url} sends us elsewhere: {where}",
            hint="use that address itself: the token goes nowhere it was not meant for",
        )
    problem = _problem(headers, body)
    if problem is None:
        return _wordless(status, url)
    return of_problem(status, problem, headers.get("retry-after"))


def of_problem(status: int, problem: Mapping[str, Any], retry_after: str | None = None) -> ArgosyError:
    """Return the error that an RFC 9457 problem, or an item of a bulk answer, tells of."""
    code, said = str(problem.get("code", "refused")), problem.get("detail") or problem.get("message") or ""
    message, hint = (terminal_safe(str(text)[:MOST_SAID]) for text in (said, problem.get("hint") or ""))
    failure = Failure(
        code, message + _where(problem), hint, bool(problem.get("retryable")), _exit_code(problem),
        float(retry_after) if retry_after and retry_after.isdigit() else None,
    )  # fmt: skip
    return raised(failure, _BY_STATUS.get(status, StoreError if status >= 500 else UsageError))


def raised(failure: Failure, otherwise: type[ArgosyError]) -> ArgosyError:
    """Return the error; ``otherwise`` is its class where neither code nor exit code tell."""
    from argosy.runtime.handle import BY_EXIT_CODE, by_code  # noqa: PLC0415 - what goes well needs no errors

    if failure.code == UnknownTask.code:
        return UnknownTask(failure.message, hint=failure.hint)
    kind = by_code().get(failure.code) or BY_EXIT_CODE.get(failure.exit_code) or otherwise
    error = kind(failure.message, hint=failure.hint, code=failure.code)
    error.retryable = failure.retryable
    if isinstance(error, ServerBusy):
        error.retry_after_s = failure.retry_after_s
    return error


def _exit_code(problem: Mapping[str, Any]) -> int:
    code = problem.get("exit_code")
    return code if isinstance(code, int) and not isinstance(code, bool) else 1


def _where(problem: Mapping[str, Any]) -> str:
    """Return which members of what was sent the service did not understand."""
    errors = problem.get("errors")
    if not isinstance(errors, list):
        return ""
    each = [f"{one.get('pointer', '')}: {one.get('detail', '')}" for one in errors[:3] if isinstance(one, dict)]
    return f" ({terminal_safe('; '.join(each)[:MOST_SAID])})" if each else ""


def _problem(headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
    if not headers.get("content-type", "").startswith(PROBLEM):
        return None
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    return problem if isinstance(problem, dict) else None


def _wordless(status: int, url: str) -> ArgosyError:
    """Somebody else answered: a proxy in front, or no Argosy at all."""
    if status in (401, 403, 407):
        return AuthError(f"{url} answered {status}", hint="log in anew: 'argosy login URL'", code="unauthorized")
    if status in (502, 503, 504):
        lost = Unreachable(f"cannot reach the service at {url}: what is in front of it answered {status}")
        lost.sent = status != 503
        return lost
    return BadResponse(f"{url} answered {status}, and not as an Argosy service does", hint="is the address right?")
