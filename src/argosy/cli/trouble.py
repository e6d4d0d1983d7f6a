"""What went wrong, told in three parts: what failed, why, and what to type next."""

from __future__ import annotations

import errno
import sys
from collections.abc import Collection

import click

from argosy.cli.face import Face
from argosy.core.names import terminal_safe
from argosy.errors import ArgosyError, Failure, LocalError, UsageError

EXIT_TIME_IS_OVER = 124
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
SCHEMA = "argosy.error/1"

ADVICE = {
    "dns": "check the name for a typing error, and the network: 'argosy doctor' shows what is set",
    "unknown_host": "check the name for a typing error; if it is right, whether this machine's name server knows it",
    "reset": "the same command again goes on where this stopped",
    "incomplete": "the same command again goes on where this stopped",
    "proxy": "check --proxy and the *_proxy variables; --proxy none goes without",
    "connect": "nobody answers there; check host and port, or a proxy with --proxy",
    "connection_refused": "nobody listens there: check host and port; the server may not be running",
    "timeout": "the same command again goes on where this stopped; --connect-timeout and --timeout give it longer",
    "stalled": "the same command again goes on where this stopped; --timeout gives the server longer",
    "network": "the same command again goes on where this stopped",
    "tls": "check the clock ('argosy doctor'); for a certificate of your own use --cacert FILE",
    "auth": "give credentials with -u NAME:PASSWORD, a cookie with -b, or a header with -H; or get a fresh link",
    "refused": "check the URL in a browser; it may have moved",
    "busy": "the server asks for patience: try again later, perhaps with fewer connections (-x 1)",
    "bad_response": "if a web page is what you want, add --allow-html; else check the URL in a browser",
    "local_io": "check that the folder exists and that you may write there: 'argosy doctor'",
    "disk_full": "make room, then type the same command again: it goes on where this stopped",
    "integrity": "the file was not put in place; check that the checksum belongs to this version of the file",
    "checksum": "the file was not put in place; check that the checksum belongs to this version of the file",
    "exists": "use --if-exists rename, overwrite, skip or newer",
    "store": "'argosy doctor' looks at the database",
    "unknown_task": "'argosy ls' and 'argosy history' show the ids there are",
    "interrupted": "the same command again goes on where this stopped",
}
"""What to type next, by an error's code, for errors that do not say it themselves."""

ADVICE_BY_EXIT = {
    3: ADVICE["network"],
    4: ADVICE["auth"],
    5: "try again later; if it stays like this, check the URL in a browser",
    6: ADVICE["local_io"],
    7: ADVICE["integrity"],
    8: ADVICE["store"],
}
"""The same for codes that are not listed."""


def usage(message: str, hint: str = "") -> click.UsageError:
    """Return a usage error that carries what to type instead."""
    error = click.UsageError(message)
    error.hint = hint  # type: ignore[attr-defined]
    return error


def of_click(error: click.ClickException) -> ArgosyError:
    """Return a usage error of click's as one of ours."""
    context = getattr(error, "ctx", None)
    hint = getattr(error, "hint", "")
    possibilities = getattr(error, "possibilities", None)
    if not hint and possibilities:
        from difflib import get_close_matches  # noqa: PLC0415 - only for a typing error

        close = get_close_matches(getattr(error, "option_name", ""), possibilities, cutoff=0.8)  # click's 0.6 is wide
        hint = f"did you mean {' or '.join(close or sorted(possibilities))}?"
    if not hint and context is not None:
        hint = f"'{context.command_path} --help' tells what it takes"
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option {error.option_name}"
    else:
        message = error.format_message().rstrip(".")
    return UsageError(message, hint=hint)


def of_system(error: OSError) -> ArgosyError:
    """Return an error of the operating system as one of ours."""
    where = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return LocalError(f"{where}{error.strerror or error}", code="disk_full" if full else None)


def unforeseen(error: Exception) -> ArgosyError:
    """Return what is shown of an error that nobody thought of; ``-vv`` shows where it happened."""
    wrapped = ArgosyError(
        f"something nobody foresaw: {type(error).__name__}: {error}",
        hint="nothing that was complete is lost; type it again with -vv and report what it shows",
        code="internal",
    )
    wrapped.__cause__ = error
    return wrapped


def tell(error: ArgosyError, face: Face) -> int:
    """Show the error where it belongs and return its exit code."""
    if face.json:
        import json  # noqa: PLC0415 - as above

        print(json.dumps({"schema": SCHEMA, "error": as_json(error.failure())}), flush=True)  # noqa: T201
    else:
        print(words(error.failure(), face), file=sys.stderr, flush=True)  # noqa: T201
    if face.verbose > 1:
        import traceback  # noqa: PLC0415 - as above

        traceback.print_exception(error)
    return error.exit_code


def as_json(failure: Failure) -> dict[str, object]:
    """Return the stable form of a failure."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": advice(failure),
        "retryable": failure.retryable,
    }


def advice(failure: Failure) -> str:
    """Return what a person should do about it, empty if nobody knows."""
    return failure.hint or ADVICE.get(failure.code) or ADVICE_BY_EXIT.get(failure.exit_code, "")


def words(failure: Failure, face: Face, subject: str = "") -> str:
    """Return what failed, why, and what to do, on one or two lines."""
    label = face.style("error:", sys.stderr, fg="red", bold=True)
    about = f" {terminal_safe(subject)}:" if subject and not failure.message.startswith(subject) else ""
    lines = [f"{label}{about} {terminal_safe(failure.message)}"]
    hint = advice(failure)
    if hint:
        from textwrap import fill  # noqa: PLC0415 - only where something went wrong

        arrow = face.style("  try:", sys.stderr, fg="cyan")
        lines.append(fill(terminal_safe(hint), 110, initial_indent=f"{arrow} ", subsequent_indent=" " * 7,
                          break_long_words=False, break_on_hyphens=False))  # fmt: skip
    return "\n".join(lines)


def exit_code(codes: Collection[int]) -> int:
    """Return the one exit code of several failures: theirs if they agree, 1 if they do not, 0 if there are none."""
    different = set(codes)
    return 0 if not different else different.pop() if len(different) == 1 else 1
