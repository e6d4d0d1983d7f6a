"""``/ws/download/{job_id}``: one job over a WebSocket."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.websockets import WebSocket

from argosy.service.context import Context
from argosy.service.jobs.watch import Watch
from argosy.service.live.live import Full
from argosy.service.live.socket import TRY_LATER
from argosy.service.routes.socket import Talk

router = APIRouter()


@router.websocket("/ws/download/{job_id}")
async def watch(job_id: str, socket: WebSocket, service: Context) -> None:
    """Tell of the job until it has ended."""
    await socket.accept()
    talk, downloads = Talk(socket), service.downloads
    try:
        with service.live.connected("job") as line:
            await Watch(
                job_id, service.live, line, talk, downloads.views, downloads.results,
                service.runtime.live_progress, lambda: downloads.links(socket), service.clock.steady,
            ).run()  # fmt: skip
    except Full as error:
        await talk.close(TRY_LATER, error.message)
