"""``/v1/probe``: what a download would be, before there is one."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import ConfigDict

from argosy.core.document import ProbeDocument, of_probe
from argosy.service.asking.form import Wanted
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context
from argosy.service.description.schema import problems
from argosy.service.tasks.admittance import request_of

router = APIRouter(tags=["tasks"], route_class=Strict)


class Probed(Wanted):
    """What would be downloaded, as it would be sent to make a task."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "https://example.org/data.tar.gz"}]})


@router.post("/v1/probe", operation_id="probe", responses=problems(403, 415, 422, 502))
async def probe(sent: Probed, service: Context, asker: Asker) -> ProbeDocument:
    """Ask the server for one byte, and tell what it says: name, size, whether ranges can be had, of what type it is. And
    what would be in the way: a file of that name, a task that is at it already, too little room. Nothing is kept.

    It is a GET like any other: a link that is good for one use only is used up by it.
    """
    return of_probe(await service.runtime.probe(request_of(sent, service, asker)))
