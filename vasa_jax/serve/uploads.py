"""Files that clients send: received in memory within their limits, decoded by a process of its own, see `decode`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from vasa_jax import pretrained
from vasa_jax.errors import UserError
from vasa_jax.inference.portrait import read_portrait
from vasa_jax.inference.speech_file import check_speech, read_speech
from vasa_jax.serve.limits import MEGABYTE, Limits, Refused

BUNDLED = "bundled"
FIELD_BYTES, MAX_FIELDS = 64 * 1024, 40
PACKAGE = Path(__file__).resolve().parents[2]
# What a process needs to start, and none of what this one knows besides.
ENVIRONMENT = ("PATH", "HOME", "LANG", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Uploads:
    """Receives and decodes for all addresses of a server, so many at a time and no more."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self._free = limits.uploads

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the places; Refused (503) if there is none."""
        if not self._free:
            raise Refused(503, "too many uploads at once; try again", retry_after=2)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def form(self, request: Request) -> dict[str, str | bytes]:
        """The fields of a multipart form: text, or the bytes of a file, whose name nobody looks at.

        Raises:
          Refused: no such form, or a field too large.
        """
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused(422, "send a form, multipart/form-data")
        parser = MultiPartParser(
            request.headers, request.stream(), max_files=2, max_fields=MAX_FIELDS, max_part_size=FIELD_BYTES
        )
        parser.spool_max_size = self.limits.request_bytes + MEGABYTE  # more than may come in: never to the disk
        try:
            form = await parser.parse()
        except (MultiPartException, UnicodeDecodeError, KeyError) as error:
            said = error.message if isinstance(error, MultiPartException) else "it is damaged"
            raise Refused(400, f"the form cannot be read: {said}") from error
        try:
            return {name: await _content(value) for name, value in form.multi_items()}
        finally:
            await form.close()

    async def portrait(self, given: str | bytes | None) -> np.ndarray:
        """uint8 (H, W, 3) of an upload, or of the bundled portrait.

        Raises:
          Refused: it is missing, too large, or cannot be used.
        """
        if given == BUNDLED:
            return read_portrait(pretrained.portrait())
        data = _file("portrait", given, self.limits.picture_bytes)
        array, _ = await self._decode("portrait", data, self.limits.pixels, self.limits.side)
        return array

    async def speech(self, given: str | bytes | None) -> tuple[np.ndarray, int]:
        """Float32 samples (n,) or (n, 2) and their rate, of an upload or the bundled sentence; raises likewise."""
        if given == BUNDLED:
            return read_speech(pretrained.speech())
        data = _file("speech", given, self.limits.sound_bytes)
        array, rate = await self._decode("speech", data, self.limits.sound_seconds)
        try:
            return check_speech(array, rate), rate
        except UserError as error:
            raise Refused(422, str(error)) from error

    async def _decode(self, kind: str, data: bytes, *limits: float) -> tuple[np.ndarray, Any]:
        allowed = [*limits, self.limits.decode_seconds, self.limits.decode_bytes]
        words = [sys.executable, "-m", "vasa_jax.serve.decode", kind, *map(str, allowed)]
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )  # fmt: skip
        try:
            # twice the processor time it may take: it may have to wait for others
            async with asyncio.timeout(2 * self.limits.decode_seconds):
                answer, _ = await process.communicate(data)
        except TimeoutError as error:
            raise Refused(422, f"the {kind} takes too long to decode; give a smaller one") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _read(kind, answer)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(PACKAGE), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _read(kind: str, answer: bytes) -> tuple[np.ndarray, Any]:
    line, _, values = answer.partition(b"\n")
    try:
        head: Mapping[str, Any] = json.loads(line)
    except ValueError as error:  # the process was ended, or ended itself
        raise Refused(422, f"the {kind} cannot be decoded; give another file") from error
    if "error" in head:
        raise Refused(422, head["error"])
    return np.frombuffer(values, head["dtype"]).reshape(head["shape"]), head["rate"]


def _file(name: str, given: str | bytes | None, limit: int) -> bytes:
    if not isinstance(given, bytes):
        raise Refused(422, f'the field {name} is a file, or the word "{BUNDLED}"')
    if len(given) > limit:
        raise Refused(413, f"the {name} has more than {limit // MEGABYTE} MB; give a smaller one")
    if not given:
        raise Refused(422, f"the {name} is an empty file")
    return given


async def _content(value: str | UploadFile) -> str | bytes:
    return await value.read() if isinstance(value, UploadFile) else value
