"""Sound in, JPEG frames out over one WebSocket; docs/serve.md has the messages."""

import asyncio
import io
import json
import struct
import time
from typing import Any

import numpy as np
from PIL import Image
from starlette.websockets import WebSocket, WebSocketDisconnect

from vasa_jax.errors import UserError
from vasa_jax.inference.speech_file import MAX_RATE, MIN_RATE
from vasa_jax.inference.still_file import JPEG_QUALITY
from vasa_jax.provenance.plain_fields import xmp
from vasa_jax.serve.limits import Limits, Refused
from vasa_jax.serve.live.speaker import Shown, Speaker
from vasa_jax.serve.live.streams import Streams, tell
from vasa_jax.serve.uploads import BUNDLED, Uploads
from vasa_jax.serve.wishes import parse
from vasa_jax.types import SAMPLE_RATE

UPLOAD = "upload"
HEAD = struct.Struct("<IIf")  # number of the frame, bytes of its JPEG, delay in seconds or -1
POLICY = 1008  # of RFC 6455: closed for what the client did


async def stream(socket: WebSocket, streams: Streams, uploads: Uploads, label: str) -> None:
    """Serve one client from its first message to its last frame.

    Args:
      label: the words of the visible label, told in each frame's plain fields.
    """
    await socket.accept()
    speaker: Speaker | None = None
    try:
        streams.check_room()
        async with uploads.place():
            rate, portrait, wishes = await _begin(socket, uploads)
        speaker = await streams.begin(portrait, wishes, keeps_up=False)
        await socket.send_json({"ready": True, **streams.describe(speaker, wishes)})
        await _converse(socket, speaker, rate, streams.limits, xmp(speaker.stream.record, label))
    except (Refused, UserError) as error:
        await _leave(socket, str(error))
    except (TimeoutError, WebSocketDisconnect, RuntimeError):  # RuntimeError: Starlette's, to send after the end
        pass
    finally:
        if speaker is not None:
            streams.end(speaker)


async def _begin(socket: WebSocket, uploads: Uploads) -> tuple[int, np.ndarray, Any]:
    """Rate, portrait and wishes of the first message, or the first two."""
    limits = uploads.limits
    try:
        async with asyncio.timeout(limits.head_seconds):
            first = _mapping(await socket.receive_text())
        rate = first.pop("sample_rate", SAMPLE_RATE)
        given: str | bytes = first.pop("portrait", None)
        if given == UPLOAD:
            async with asyncio.timeout(limits.receive_seconds):
                given = await socket.receive_bytes()
    except KeyError as error:  # Starlette's, where text or bytes were expected and the other came
        raise Refused(422, "begin with a line of JSON; after portrait: upload, send the file") from error
    except TimeoutError as error:
        raise Refused(408, "nothing came; begin with a line of JSON") from error
    if not isinstance(rate, int) or isinstance(rate, bool) or not MIN_RATE <= rate <= MAX_RATE:
        raise Refused(422, f"sample_rate is a whole number from {MIN_RATE} to {MAX_RATE}")
    if given != BUNDLED and not isinstance(given, bytes):
        raise Refused(422, f"portrait is {BUNDLED} or {UPLOAD}")
    return rate, await uploads.portrait(given), parse(first)


async def _converse(socket: WebSocket, speaker: Speaker, rate: int, limits: Limits, packet: bytes) -> None:
    """Both ways until the last frame is out, or one side fails."""
    listening = asyncio.create_task(_listen(socket, speaker, rate, limits))
    showing = asyncio.create_task(_show(socket, speaker, limits, packet))
    try:
        await asyncio.wait({listening, showing}, return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            listening.result()
        showing.result()
    finally:
        for task in (listening, showing):
            task.cancel()
        await asyncio.gather(listening, showing, return_exceptions=True)
    if speaker.error is not None:
        raise Refused(422, speaker.error)
    await socket.send_json({"done": True})
    await socket.close()


async def _listen(socket: WebSocket, speaker: Speaker, rate: int, limits: Limits) -> None:
    """Never returns: ends by an exception."""
    while True:
        try:
            async with asyncio.timeout(limits.silent_seconds):
                message = await socket.receive()
        except TimeoutError as error:
            raise Refused(408, f"nothing came for {limits.silent_seconds:g} s") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        if (samples := message.get("bytes")) is not None:
            if len(samples) % 2:
                raise Refused(422, "sound is 16-bit little-endian samples of one channel")
            speaker.feed(np.frombuffer(samples, "<i2").astype(np.int16), rate)
        else:
            tell(speaker, _mapping(message["text"]))


async def _show(socket: WebSocket, speaker: Speaker, limits: Limits, packet: bytes) -> None:
    while (shown := await speaker.frames.take()) is not None:
        message = await asyncio.to_thread(pack, shown, packet)
        async with asyncio.timeout(limits.stuck_seconds):
            await socket.send_bytes(message)


def pack(shown: Shown, packet: bytes) -> bytes:
    """HEAD, the JPEG with its plain fields, and 640 samples of 16 bits at 16 kHz."""
    file = io.BytesIO()
    Image.fromarray(shown.image).save(file, "JPEG", quality=JPEG_QUALITY, xmp=packet)
    delay = -1.0 if shown.came is None else time.monotonic() - shown.came
    sound = np.round(shown.sound * 32767).astype("<i2").tobytes()
    return HEAD.pack(shown.index, file.tell(), delay) + file.getvalue() + sound


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(422, "text is a line of JSON") from error
    if not isinstance(found, dict):
        raise Refused(422, 'a line of JSON is names and values, such as {"gaze": [10, 0]}')
    return found


async def _leave(socket: WebSocket, message: str) -> None:
    try:
        await socket.send_json({"error": message})
        await socket.close(POLICY, message[:100])
    except (RuntimeError, WebSocketDisconnect):
        pass
