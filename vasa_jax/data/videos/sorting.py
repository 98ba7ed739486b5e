"""Which frames of a stretch become clips, by what is seen and heard, and why the others do not."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vasa_jax.data.videos import framing
from vasa_jax.data.videos.labels.sound import music_share, speech_activity
from vasa_jax.data.videos.labels.sync import TRUSTED
from vasa_jax.data.videos.settings import Settings
from vasa_jax.data.videos.tracking import Stretch, part
from vasa_jax.inference.crop import Square
from vasa_jax.types import FPS


@dataclass(frozen=True)
class Sorted:
    """Frames that become a clip, or do not.

    Attributes:
      stretch: the frames.
      square: that holds the head, in pixels of the video; None for a refusal.
      reason, detail: see refusals.Refusal; "" for a clip.
    """

    stretch: Stretch
    square: Square | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Heard:
    """The sound of a clip.

    Attributes:
      audio: (640 T,) at 16 kHz in [-1, 1].
      speech: (T,) bool, see labels.speech_activity.
      offset, confidence: see labels.SyncReader; NaN where they could not be had.
    """

    audio: np.ndarray
    speech: np.ndarray
    offset: float
    confidence: float


def by_sight(stretch: Stretch, settings: Settings) -> Iterator[Sorted]:
    """Takes a stretch apart until each part can be a clip or has a reason."""
    if stretch.verdict:
        yield Sorted(stretch, reason=stretch.verdict)
        return
    places, angles = framing.head_places(stretch.faces)
    turned = np.abs(np.degrees(angles[:, :2])) > (settings.largest_yaw or np.inf, settings.largest_pitch or np.inf)
    profile = turned.any(1)
    for begin, end in runs(profile):
        some = part(stretch, begin, end)
        if profile[begin]:
            yaw, pitch = np.degrees(np.median(angles[begin:end, :2], 0))
            yield Sorted(some, reason="profile", detail=f"yaw {yaw:.0f}, pitch {pitch:.0f} degrees")
        else:
            yield from by_place(some, places[begin:end], settings)


def by_place(stretch: Stretch, places: np.ndarray, settings: Settings) -> Iterator[Sorted]:
    """Finds a steady square; where the head leaves it, for each half of the stretch."""
    if stretch.count < round(settings.shortest * FPS):
        reason = "cut" if stretch.cut_before or stretch.cut_behind else "too short"
        yield Sorted(stretch, reason=reason, detail=f"{stretch.count / FPS:.2f} s")
        return
    square = framing.steady(places)
    if framing.moves_away(places, square):
        middle = stretch.count // 2
        if middle < round(settings.shortest * FPS):
            yield Sorted(stretch, reason="moves away")
            return
        yield from by_place(part(stretch, 0, middle), places[:middle], settings)
        yield from by_place(part(stretch, middle, stretch.count), places[middle:], settings)
    elif square[1] < settings.square:
        yield Sorted(stretch, reason="too small", detail=f"{square[1]:.0f} pixels")
    elif (out := framing.overhang(square, stretch.size)) > framing.OVERHANG:
        yield Sorted(stretch, reason="out of frame", detail=f"{out:.0%} of the square")
    else:
        yield Sorted(stretch, square)


def listen(audio: np.ndarray, lip_opening: np.ndarray, sync) -> Heard:
    """What is heard in a clip whose lips were seen."""
    return Heard(audio, speech_activity(audio), *sync(lip_opening, audio))


def by_sound(found: Sorted, heard: Heard, settings: Settings) -> Sorted:
    """The same, refused where its sound is not that of somebody who is seen speaking."""
    share, music = float(heard.speech.mean()), music_share(heard.audio)
    if settings.most_music and music >= settings.most_music:
        return refused(found, "music", f"in {music:.0%} of the sound")
    if share < settings.least_speech:
        return refused(found, "no speech", f"in {share:.0%} of the frames")
    sure = heard.confidence >= TRUSTED
    if settings.largest_offset and sure and abs(heard.offset) > settings.largest_offset:
        return refused(found, "out of sync", f"sound {heard.offset:+.1f} frames late")
    if settings.least_sync and not heard.confidence >= settings.least_sync:
        return refused(found, "out of sync", f"confidence {heard.confidence:.2f}")
    return found


def refused(found: Sorted, reason: str, detail: str) -> Sorted:
    return dataclasses.replace(found, square=None, reason=reason, detail=detail)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of the longest pieces in which a mask (T,) does not change."""
    edges = np.flatnonzero(np.diff(mask.astype(int))) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(mask)], strict=True))
