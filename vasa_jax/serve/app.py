"""Which address does what: the page, jobs, live streams, and what an operator looks at. docs/serve.md lists them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from vasa_jax import __version__, pretrained
from vasa_jax.inference.animator import Animator
from vasa_jax.provenance.label import DEFAULT, Label
from vasa_jax.serve.guard import Guard, refusal
from vasa_jax.serve.jobs import DONE, FAILED, Job, Jobs
from vasa_jax.serve.limits import STEPS, Limits, Refused
from vasa_jax.serve.live import websocket
from vasa_jax.serve.live.streams import Streams
from vasa_jax.serve.live.webrtc import Sessions
from vasa_jax.serve.metrics import Metrics
from vasa_jax.serve.scratch import Scratch
from vasa_jax.serve.uploads import Uploads
from vasa_jax.serve.videos import hear_warnings, maker
from vasa_jax.serve.warming import Warming
from vasa_jax.serve.wishes import parse
from vasa_jax.types import EMOTIONS

PAGE = Path(__file__).parent / "page"
POLL = 0.1  # seconds
CLIENT_LEFT = 499  # of an answer that nobody gets
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What the addresses share."""

    animator: Animator
    label: Label
    limits: Limits
    metrics: Metrics
    uploads: Uploads
    jobs: Jobs
    streams: Streams
    sessions: Sessions
    warming: Warming


def build(
    animator: Animator, scratch: Scratch, limits: Limits, token: str | None = None, label: Label = DEFAULT,
    warm_up: bool = False,
) -> ASGIApp:  # fmt: skip
    """The application; its threads end with its lifespan.

    Args:
      token: that clients must show; None for loopback alone.
      warm_up: compile the animator's programs once the application starts.
    """
    hear_warnings()
    metrics = Metrics()
    warming = Warming(animator, warm_up)
    jobs = Jobs(maker(animator, scratch, label, warming), limits, metrics.job)
    streams = Streams(animator, label, limits, metrics.stream, warming)
    parts = Parts(animator, label, limits, metrics, Uploads(limits), jobs, streams, Sessions(streams), warming)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        warming.begin()
        yield
        await parts.sessions.close()
        streams.close()
        await asyncio.to_thread(jobs.close)

    app = Starlette(routes=_routes(), lifespan=lifespan, exception_handlers={
        Refused: lambda _, refused: refusal(refused),
        ClientDisconnect: lambda *_: Response(status_code=CLIENT_LEFT),
    })  # fmt: skip
    app.state.parts = parts
    return Guard(app, token, limits, metrics.answer)


def _routes() -> list[Any]:
    return [
        Route("/health", health),
        Route("/metrics", counts),
        Route("/api/about", about),
        Route("/api/animate", animate, methods=["POST"]),
        Route("/api/jobs", begin_job, methods=["POST"]),
        Route("/api/jobs/{id}", show_job, methods=["GET"]),
        Route("/api/jobs/{id}", drop_job, methods=["DELETE"]),
        Route("/api/jobs/{id}/video", show_video),
        Route("/api/live", begin_live, methods=["POST"]),
        Route("/api/live/{id}", end_live, methods=["DELETE"]),
        WebSocketRoute("/api/stream", stream),
        Route("/bundled/portrait", lambda _: FileResponse(pretrained.portrait(), media_type="image/png")),
        Route("/bundled/speech", lambda _: FileResponse(pretrained.speech(), media_type="audio/flac")),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]


async def health(request: Request) -> Response:
    """Whether it works, and whether its programs are compiled; for everyone."""
    return JSONResponse({"status": "ok", "state": request.app.state.parts.warming.state, "version": __version__})


async def counts(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    gauges = {"vasa_jax_jobs": parts.jobs.pending, "vasa_jax_streams": parts.streams.open}
    return PlainTextResponse(parts.metrics.text(gauges), media_type="text/plain; version=0.0.4")


async def about(request: Request) -> Response:
    """What the page has to know."""
    parts: Parts = request.app.state.parts
    config, limits = parts.animator.checkpoint.config, parts.limits
    return JSONResponse({
        "model": config["name"], "version": __version__, "state": parts.warming.state, "emotions": EMOTIONS,
        "steps": STEPS, "fast": "student" in config, "label": parts.label.words, "picture_bytes": limits.picture_bytes,
        "sound_bytes": limits.sound_bytes, "sound_seconds": limits.sound_seconds,
    })  # fmt: skip


async def animate(request: Request) -> Response:
    """Portrait and speech to an mp4, in one call."""
    jobs: Jobs = request.app.state.parts.jobs
    job = await _new_job(request)
    try:
        while job.is_open:
            if await request.is_disconnected():
                return Response(status_code=CLIENT_LEFT)
            jobs.find(job.id)
            await asyncio.sleep(POLL)
        return _video(job)
    finally:
        jobs.remove(job)


async def begin_job(request: Request) -> Response:
    job = await _new_job(request)
    return JSONResponse(_told(request, job), 202, {"location": f"jobs/{job.id}"})


async def show_job(request: Request) -> Response:
    return JSONResponse(_told(request, request.app.state.parts.jobs.find(request.path_params["id"])))


async def show_video(request: Request) -> Response:
    return _video(request.app.state.parts.jobs.find(request.path_params["id"]))


async def drop_job(request: Request) -> Response:
    jobs: Jobs = request.app.state.parts.jobs
    jobs.remove(jobs.find(request.path_params["id"]))
    return Response(status_code=204)


async def begin_live(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    parts.streams.check_room()
    async with parts.uploads.place():
        form = await parts.uploads.form(request)
        offer, portrait = form.pop("offer", None), form.pop("portrait", None)
        wishes = parse(form)
        if not isinstance(offer, str):
            raise Refused(422, "the field offer is a session description (SDP)")
        pixels = await parts.uploads.portrait(portrait)
    return JSONResponse(await parts.sessions.begin(offer, pixels, wishes))


async def end_live(request: Request) -> Response:
    await request.app.state.parts.sessions.end(request.path_params["id"])
    return Response(status_code=204)


async def stream(socket: WebSocket) -> None:
    parts: Parts = socket.app.state.parts
    await websocket.stream(socket, parts.streams, parts.uploads, parts.label.words)


async def _new_job(request: Request) -> Job:
    parts: Parts = request.app.state.parts
    client = request.client.host if request.client else "unknown"
    parts.jobs.check_room(client)
    async with parts.uploads.place():
        form = await parts.uploads.form(request)
        portrait, speech = form.pop("portrait", None), form.pop("speech", None)
        wishes = parse(form)
        pixels = await parts.uploads.portrait(portrait)
        samples, rate = await parts.uploads.speech(speech)
    return parts.jobs.add(Job(client, pixels, samples, rate, wishes))


def _told(request: Request, job: Job) -> dict[str, Any]:
    part, done, total = job.progress
    return {
        "id": job.id, "state": job.state, "before": request.app.state.parts.jobs.place(job),
        "part": part, "done": done, "total": total, "notes": job.notes, "error": job.error,
        "marks": dict(job.marks), "seconds": dict(job.seconds),
    }  # fmt: skip


def _video(job: Job) -> Response:
    if job.state == FAILED:
        raise Refused(422, job.error or "the job failed")
    if job.state != DONE:
        raise Refused(404, f"there is no video: the job is {job.state}")
    name = f"talking-{job.marks['run'][:8]}.mp4"
    headers = {"content-disposition": f'inline; filename="{name}"', "x-vasa-jax-run": job.marks["run"]}
    return Response(job.video, media_type="video/mp4", headers=headers)
