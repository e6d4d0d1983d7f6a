"""What is done once a task has ended here: a command of the owner's is run, people are told.

At most once: if this process dies in between, nobody does it later. None of it can fail a task, and none of it goes through
a shell: the command is split into words first, and what stands in braces is filled into each word for itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argosy.core.names import terminal_safe
from argosy.core.redact import redacted, redacted_url
from argosy.core.types import Status, Task
from argosy.errors import ArgosyError, UsageError
from argosy.value import dataclass

if TYPE_CHECKING:
    import apprise

log = logging.getLogger(__name__)

LONGEST_S: Final = 60.0
"""For one command, and for one message."""
WAITING: Final = 1000
"""So many ended tasks wait at most for their turn; of more, nobody is told."""
AT_ONCE: Final = 4
LAST_BYTES: Final = 500
DESKTOP: Final = "desktop"
"""Among the addresses of people: whoever sits before this machine."""
DESKTOP_WORDS: Final = {
    "notify-send": ("notify-send", "--app-name=Argosy", "--", "{title}", "{body}"),
    "osascript": (
        "osascript", "-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)",
        "-e", "end run", "--", "{title}", "{body}",
    ),
}  # fmt: skip
"""The programs that show a message on the desktop, the first one that is there."""
FIELDS: Final = ("path", "name", "directory", "id", "status", "source", "error")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner wants done: commands as words, and addresses of people."""

    on_complete: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


def wishes(on_complete: str, on_failure: str, notify: str) -> Wishes:
    """Return what the settings ask for. Raises UsageError for a command that cannot be split into words."""
    try:
        return Wishes(tuple(shlex.split(on_complete)), tuple(shlex.split(on_failure)), tuple(notify.split()))
    except ValueError as error:
        raise UsageError(
            f"a command in the settings has {error}",
            hint="on_complete and on_failure are words, quoted as in a shell",
            code="config",
        ) from None


class Aftermath:
    """Lives on the runtime loop."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._ended: asyncio.Queue[Task] = asyncio.Queue(WAITING)

    @property
    def wanted(self) -> bool:
        return self._wishes != Wishes()

    def ended(self, task: Task) -> None:
        """The task is complete, or has failed."""
        if not self.wanted:
            return
        try:
            self._ended.put_nowait(task)
        except asyncio.QueueFull:
            log.warning("aftermath.skipped", extra={"task_id": task.id})

    async def run(self) -> None:
        """Do what is wanted until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._lane())

    async def finish(self, grace_s: float) -> None:
        """Return once all of it is done, or the time is over."""
        try:
            await asyncio.wait_for(self._ended.join(), grace_s)
        except TimeoutError:
            log.warning("aftermath.cut_off", extra={"grace_s": grace_s})

    async def _lane(self) -> None:
        while True:
            task = await self._ended.get()
            try:
                await self._attend(task)
            except Exception:
                log.exception("aftermath.failed", extra={"task_id": task.id})
            finally:
                self._ended.task_done()

    async def _attend(self, task: Task) -> None:
        words = self._wishes.on_complete if task.status is Status.COMPLETED else self._wishes.on_failure
        facts = facts_of(task)
        if words:
            await _command([filled(word, facts) for word in words], facts)
        others = tuple(address for address in self._wishes.notify if address != DESKTOP)
        if others != self._wishes.notify:
            await _shown(facts)
        if others:
            await _message(others, facts)


def facts_of(task: Task) -> dict[str, str]:
    """Return what a command may be told of the task."""
    path = Path(task.spec.directory, task.name) if task.name else Path(task.spec.directory)
    return {
        "path": str(path), "name": task.name or path.name, "directory": task.spec.directory, "id": task.id,
        "status": task.status.value, "source": redacted_url(task.spec.source),
        "error": "" if task.error is None else redacted(task.error.message),
    }  # fmt: skip


def filled(word: str, facts: Mapping[str, str]) -> str:
    """Return the word with ``{path}`` and the like replaced; other braces stay. What is filled in is not looked at again."""
    parts: list[str] = []
    while word:
        found = min(((place, name) for name in FIELDS if (place := word.find(f"{{{name}}}")) >= 0), default=None)
        if found is None:
            break
        place, name = found
        parts += [word[:place], facts[name].replace("\0", "")]
        word = word[place + len(name) + 2 :]
    return "".join([*parts, word])


async def _command(words: list[str], facts: Mapping[str, str]) -> None:
    environment = {**os.environ, **{f"ARGOSY_{name.upper()}": value.replace("\0", "") for name, value in facts.items()}}
    from argosy.engines.child import Child  # noqa: PLC0415 - only where something is wanted

    try:
        async with asyncio.timeout(LONGEST_S), await Child.start(words, environment=environment, stdin=b"") as child:
            _, said = await asyncio.gather(_last_words(child.out), _last_words(child.err))
            code = await child.wait()
    except TimeoutError:
        log.warning("aftermath.command_hung", extra={"task_id": facts["id"], "command": words[0]})
        return
    except ArgosyError as error:
        log.warning(
            "aftermath.command_failed", extra={"task_id": facts["id"], "command": words[0], "error": error.message}
        )
        return
    if code:
        circumstances = {"task_id": facts["id"], "command": words[0], "exit": code, "said": said}
        log.warning("aftermath.command_failed", extra=circumstances)


async def _last_words(stream: asyncio.StreamReader) -> str:
    """Return the end of what is said, once nothing more is."""
    from argosy.engines.child import STREAM_BYTES  # noqa: PLC0415 - as above

    last = b""
    while more := await stream.read(STREAM_BYTES):
        last = (last + more)[-LAST_BYTES:]
    return terminal_safe(last.decode(errors="replace"))


async def _shown(facts: Mapping[str, str]) -> None:
    """Show a message on this machine's desktop. It is data to whatever program shows it: no shell, no markup of ours."""
    from shutil import which  # noqa: PLC0415 - as above

    words = next((words for program, words in DESKTOP_WORDS.items() if which(program)), None)
    if words is None:
        log.warning("aftermath.no_desktop", extra={"hint": f"one of {', '.join(DESKTOP_WORDS)} is needed"})
        return
    title, body = _told(facts)
    filling = {"{title}": title, "{body}": body}
    await _command([filling.get(word, word) for word in words], facts)


def _told(facts: Mapping[str, str]) -> tuple[str, str]:
    """Return title and text of a message."""
    done = facts["status"] == Status.COMPLETED
    title = f"{facts['name']} is here" if done else f"{facts['name']} failed"
    body = facts["path"] if done else facts["error"] or facts["source"]
    return title.replace("\0", ""), body.replace("\0", "")


async def _message(addresses: tuple[str, ...], facts: Mapping[str, str]) -> None:
    people = await asyncio.to_thread(_people, addresses)
    if people is None:
        log.warning("aftermath.missing_extra", extra={"hint": "pip install 'argosy[notify]'"})
        return
    title, body = _told(facts)
    try:
        async with asyncio.timeout(LONGEST_S):
            reached = bool(await people.async_notify(body=body, title=title))
    except TimeoutError:
        reached = False
    if not reached:
        log.warning("aftermath.not_notified", extra={"task_id": facts["id"]})


def _people(addresses: tuple[str, ...]) -> apprise.Apprise | None:
    """Return who is told; None without the extra. Takes a while: the library has a hundred plug-ins."""
    try:
        from apprise import Apprise  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    people = Apprise()
    for address in addresses:
        people.add(address)
    return people
