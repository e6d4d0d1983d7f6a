"""What must be here, over HTTP: looked for where the machine's owner has such things, brought within the asker's rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from argosy.core.model import ModelStatus, Presence
from argosy.core.types import Queue, Status
from argosy.runtime.admission import Request
from argosy.runtime.ensure import shelf_of
from argosy.service.asking.form import Ensured, Options, Wanted
from argosy.service.context import Service
from argosy.service.security.principal import Principal
from argosy.service.tasks.admittance import request_of
from argosy.service.tasks.awaiting import rested
from argosy.sources.huggingface import parse


async def looked(service: Service, asker: Principal, sent: Ensured) -> ModelStatus:
    """Return where it stands: where its kind belongs on this machine, else where this asker may have it put."""
    status = await service.runtime.model(sent.id, **_as_owner(sent))
    if asker.trusted or status.listed or status.state is not Presence.ABSENT:
        return status
    return await service.runtime.model(sent.id, **_within_rights(service, asker, sent))


async def begun(service: Service, asker: Principal, sent: Ensured) -> ModelStatus:
    """Do the same, and have it brought if it is not here. A model of the catalogue is brought as its owner has it there."""
    queue = Queue[sent.queue.upper()]
    listed = sent.id in (await shelf_of(service.settings)).models
    if listed or asker.trusted:
        more = _as_owner(sent)
        if sent.directory is not None:
            more["directory"] = _asked(service, asker, sent).directory
        return await service.runtime.begin(sent.id, queue=queue, **more)
    status = await looked(service, asker, sent)
    if status.state is not Presence.ABSENT:
        return status
    return await service.runtime.begin(sent.id, queue=queue, **_within_rights(service, asker, sent))


async def awaited(service: Service, status: ModelStatus, seconds: int) -> ModelStatus:
    """Return where it stands once its task is at rest, or after that time."""
    if status.task is None or status.state is not Presence.UNDER_WAY:
        return status
    task = await rested(service, status.task.id, seconds)
    if task.status is Status.COMPLETED:
        return replace(status, state=Presence.HERE, task=task, path=str(await service.runtime.place(task)))
    ended = task.status in (Status.FAILED, Status.CANCELLED)
    return replace(status, state=Presence.ABSENT if ended else Presence.UNDER_WAY, task=task)


def _as_owner(sent: Ensured) -> dict[str, Any]:
    return {"include": tuple(sent.include), "exclude": tuple(sent.exclude)}


def _within_rights(service: Service, asker: Principal, sent: Ensured) -> dict[str, Any]:
    """Return how this asker may have it brought: to a folder below the service's own, from public addresses."""
    asked = _asked(service, asker, sent)
    return {**_as_owner(sent), "directory": asked.directory, "options": asked.options}


def _asked(service: Service, asker: Principal, sent: Ensured) -> Request:
    directory = sent.directory
    if directory is None and not asker.trusted and sent.id.lower().startswith("hf:"):
        directory = parse(sent.id).folder  # the name of a folder that has the layout of the hub's cache
    wanted = Wanted(source=[sent.id], directory=directory, options=Options())
    return request_of(wanted, service, asker)
