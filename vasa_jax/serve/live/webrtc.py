"""A microphone in, a talking face out over WebRTC, with a data channel for wishes; docs/serve.md has the messages."""

import asyncio
import json
import logging
import secrets
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from vasa_jax.errors import UserError
from vasa_jax.serve.limits import Refused
from vasa_jax.serve.live.playout import Track, play
from vasa_jax.serve.live.speaker import Speaker
from vasa_jax.serve.live.streams import Streams, tell
from vasa_jax.serve.wishes import Wishes

MAX_OFFER, MAX_CANDIDATES = 32 * 1024, 40
TOLD_EVERY = 0.5  # seconds
IDLE, REST = 0.5, 0.2  # without a microphone, after so long so much silence
log = logging.getLogger(__name__)


class Sessions:
    """The WebRTC connections of a server; each holds one of its streams."""

    def __init__(self, streams: Streams):
        self._streams = streams
        self._open: dict[str, Session] = {}

    async def begin(self, offer: str, portrait: np.ndarray, wishes: Wishes) -> dict[str, Any]:
        """The answer to a browser's offer (SDP with its candidates in it).

        Returns:
          id, sdp, and what `Streams.describe` tells.

        Raises:
          Refused: no place, or one of the inputs cannot be used.
        """
        if len(offer) > MAX_OFFER or offer.count("a=candidate:") > MAX_CANDIDATES:
            raise Refused(422, "the offer is too long")
        speaker = await self._streams.begin(portrait, wishes, keeps_up=True)
        session = Session(speaker, self._streams)
        try:
            async with asyncio.timeout(self._streams.limits.stuck_seconds):
                sdp = await session.answer(offer)
        except Exception as error:  # aiortc's parser raises what it pleases on a damaged offer
            log.info("an offer was not understood: %r", error)
            await session.close()
            raise Refused(422, "the offer is no session description that can be answered") from error
        name = secrets.token_urlsafe(16)
        self._open[name] = session
        session.when_closed(lambda: self._open.pop(name, None))
        return {"id": name, "sdp": sdp, **self._streams.describe(speaker, wishes)}

    async def end(self, name: str) -> None:
        """Close one; Refused (404) if there is none."""
        session = self._open.get(name)
        if session is None:
            raise Refused(404, "there is no such stream, or not any more")
        await session.close()

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(session.close() for session in list(self._open.values())))


class Session:
    """One connection and its speaker."""

    def __init__(self, speaker: Speaker, streams: Streams):
        self._speaker, self._streams = speaker, streams
        # No servers that find addresses: nothing outside is asked.
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._video, self._audio = Track("video"), Track("audio")
        self._channel: RTCDataChannel | None = None
        self._delay: float | None = None
        self._heard = self._frames = 0
        self._tasks: set[asyncio.Task] = set()
        self._closing = False
        self._then = lambda: None
        self._peer.on("track", lambda track: self._do(self._listen(track)) if track.kind == "audio" else None)
        self._peer.on("datachannel", self._open_channel)
        self._peer.on("connectionstatechange", self._changed)

    def when_closed(self, then: Any) -> None:
        self._then = then

    async def answer(self, offer: str) -> str:
        """The answering SDP; the connection is waited for from now on, so long and no longer."""
        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        offered = {transceiver.kind for transceiver in self._peer.getTransceivers()}
        if self._video.kind not in offered:
            raise ValueError("no video is asked for")
        for track in (self._video, self._audio):
            if track.kind in offered:
                self._peer.addTrack(track)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        self._do(self._expect())
        return self._peer.localDescription.sdp

    async def close(self) -> None:
        """End it, once."""
        if self._closing:
            return
        self._closing = True
        self._streams.end(self._speaker)
        self._then()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        await self._peer.close()

    def _do(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expect(self) -> None:
        await asyncio.sleep(self._streams.limits.stuck_seconds)
        if self._peer.connectionState != "connected":
            await self.close()

    async def _changed(self) -> None:
        if self._peer.connectionState == "connected":
            for work in (self._play(), self._report(), self._idle()):
                self._do(work)
        elif self._peer.connectionState in ("failed", "closed"):
            await self.close()

    async def _play(self) -> None:
        await play(self._speaker, self._video, self._audio, self._told)
        self._send({"error": self._speaker.error} if self._speaker.error else {"done": True})
        await asyncio.sleep(TOLD_EVERY)  # for the message to leave
        await self.close()

    def _told(self, delay: float | None) -> None:
        self._frames += 1
        self._delay = delay

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:  # it ended; the head idles
                return
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).astype(np.int32)
            self._heard += 1
            try:
                self._speaker.feed((samples.sum(1) // samples.shape[1]).astype(np.int16), frame.sample_rate)
            except UserError as error:
                self._send({"error": str(error)})

    async def _idle(self) -> None:
        """Where no sound comes in, silence does, so that the head lives."""
        heard = -1
        while True:
            if heard == self._heard:
                self._speaker.tell("rest", REST)
                await asyncio.sleep(REST)
            else:
                heard = self._heard
                await asyncio.sleep(IDLE)

    def _open_channel(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        channel.on("message", self._hear_wish)

    def _hear_wish(self, message: str | bytes) -> None:
        try:
            wish = json.loads(message)
            if not isinstance(wish, dict):
                raise Refused(422, 'a wish is names and values, such as {"gaze": [10, 0]}')
            tell(self._speaker, wish)
        except Refused as refused:
            self._send({"error": refused.message})
        except (ValueError, RecursionError):
            self._send({"error": "a wish is a line of JSON"})

    async def _report(self) -> None:
        while True:
            told = {"frames": self._frames, "delay": self._delay, "left_out": self._speaker.left_out}
            self._send(told)
            await asyncio.sleep(TOLD_EVERY)

    def _send(self, message: dict[str, Any]) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(message))
