"""Which videos the check of `evaluation.videos` is made of: good ones of many kinds, and one of each fault."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from vasa_jax.data.synthetic import clip, film
from vasa_jax.data.synthetic.film import Rate
from vasa_jax.evaluation.sound_shift import moved
from vasa_jax.types import FPS, SAMPLES_PER_FRAME

FACE = 256  # pixels of a rendered picture
LEAST_SECONDS, MOST_SECONDS = 3.5, 5.0  # of a shot
NTSC, CINEMA = Fraction(30_000, 1001), Fraction(24_000, 1001)


@dataclasses.dataclass(frozen=True)
class Good:
    """A video that is to become clips.

    Attributes:
      people: who is seen, one shot behind the other. size: of the picture. late: frames by which the sound is late.
      dropped: share of the pictures that the file leaves out. options: of `film.write`.
    """

    name: str
    people: tuple[int, ...]
    rate: Rate = FPS
    size: tuple[int, int] = (1280, 720)
    late: int = 0
    dropped: float = 0.0
    options: tuple[tuple[str, object], ...] = ()


GOOD = (
    Good("plain.mp4", (0,)),
    Good("ntsc.mp4", (1,), NTSC),
    Good("odd_size.mp4", (2,), NTSC, (853, 481), options=(("pixels", "yuv444p"),)),
    Good("cinema.mkv", (3,), CINEMA, (854, 480), options=(("sound_rate", 48_000),)),
    Good("phone.mp4", (4,), 30, (720, 1280)),
    Good("double.mp4", (5,), 50, (640, 360)),
    Good("ntsc_double.mkv", (6,), Fraction(60_000, 1001), (640, 480), options=(("pixels", "yuv420p10le"),)),
    Good("webcam.mp4", (7,), 15, (640, 480)),
    Good("varying.mkv", (8,), 30, dropped=0.3),
    Good("cut.mp4", (0, 9)),
    Good("late_1.mp4", (0,), late=1),
    Good("early_1.mp4", (1,), NTSC, late=-1),
)
LATE = (-8, -4, 3, 6, 10)  # frames: more than is allowed
FAULTS = {
    "two_people.mp4": "two faces",
    "nobody.mp4": "no face",
    "music.mp4": "music",
    "speech_and_music.mp4": "music",
    "silence.mp4": "no speech",
    "no_sound.mp4": "no speech",
    "small.mp4": "too small",
    "blurred.mp4": "blurred",
    "turned.mp4": "profile",
    "turned_far.mp4": "profile",
    "at_the_edge.mp4": "out of frame",
    "cuts.mp4": "cut",
    "short.mp4": "too short",
    **{f"late_{late}.mp4": "out of sync" for late in LATE},
    "ntsc_late_6.mp4": "out of sync",
    "broken.mp4": "unreadable",
    "empty.mp4": "unreadable",
    "words.mp4": "unreadable",
}


class Studio:
    """Renders people of the held-out splits, each once for a rate.

    Args:
      assets: folder with ict_facekit/ and speech/.
    """

    def __init__(self, assets: str):
        self._settings = clip.Settings(assets, FACE, 1, identities=0, range_frames=0, max_seconds=MOST_SECONDS)
        both = zip(*(self._talks(split) for split in ("test", "validation")), strict=False)
        self._plans = [plan for pair in both for plan in pair]
        self._shots: dict[tuple[int, Rate, float], np.ndarray] = {}
        self._records: dict[int, dict[str, Any]] = {}

    def _talks(self, split: str) -> Iterator[clip.Plan]:
        """Talks that are long enough for an offset."""
        for plan in clip.plans(self._settings, split):
            if plan.utterance.end - plan.utterance.start >= LEAST_SECONDS:
                yield plan

    def shoot(self, person: int, rate: Rate = FPS, turn: float = 0.0) -> np.ndarray:
        """A person's talk in pictures; `turn` in degrees to the right is added to where the head looks."""
        key = person, rate, turn
        if key not in self._shots:
            self._shots[key] = film.shoot(self._settings, self._plans[person], rate, np.radians(turn))
        return self._shots[key]

    def exact(self, person: int) -> dict[str, Any]:
        """The sound and the labels of that talk, 25 a second."""
        if person not in self._records:
            self._records[person] = film.exact(self._settings, self._plans[person])
        return self._records[person]


def place(size: tuple[int, int], face: int = FACE) -> tuple[int, int]:
    """Left and top of a picture in a video: a little left of the middle."""
    return (size[0] - face) * 2 // 5, (size[1] - face) // 2


def make_good(studio: Studio, good: Good, folder: Path) -> None:
    """Writes the video."""
    frames = [
        frame
        for number, person in enumerate(good.people)
        for frame in film.hung(studio.shoot(person, good.rate), film.wall(*good.size, number), place(good.size))
    ]
    kept = np.random.default_rng(0).uniform(size=len(frames)) >= good.dropped
    kept[0] = kept[-1] = True
    audio = moved(np.concatenate([studio.exact(person)["audio"] for person in good.people]), good.late)
    times = (np.flatnonzero(kept) / float(good.rate)).tolist()
    shown = [frames[index] for index in np.flatnonzero(kept)]
    film.write(folder / good.name, shown, audio, good.rate, times, **dict(good.options))


def make_faults(studio: Studio, folder: Path) -> None:
    """Writes a video of each of FAULTS, from one or two people."""
    size, images, other, audio = (1280, 720), studio.shoot(0), studio.shoot(9), studio.exact(0)["audio"]
    behind = film.wall(*size)

    def write(name: str, frames: list[np.ndarray], sound: np.ndarray | None = audio, rate: Rate = FPS) -> Path:
        return film.write(folder / name, frames, sound, rate)

    good = film.hung(images, behind, place(size))
    second = [frame.copy() for frame in good[: len(other)]]
    for frame, image in zip(second, other, strict=False):
        frame[200 : 200 + FACE, 900 : 900 + FACE] = image
    write("two_people.mp4", second)
    write("nobody.mp4", [behind] * len(good))
    write("music.mp4", good, film.chords(len(good)))
    write("speech_and_music.mp4", good, audio + 0.1 * film.chords(len(good)))
    write("silence.mp4", good, np.zeros_like(audio))
    write("no_sound.mp4", good, None)
    write("small.mp4", film.hung([_resized(image, 96) for image in images], behind, place(size, 96)))
    write("blurred.mp4", film.hung([_blurred(image) for image in images], behind, place(size)))
    for name, turn in (("turned.mp4", 65), ("turned_far.mp4", 80)):  # of one who looks 8 degrees to the left
        write(name, film.hung(studio.shoot(3, turn=turn), behind, place(size)), studio.exact(3)["audio"])
    write("at_the_edge.mp4", film.hung(images, behind, (-FACE * 3 // 10, 200)))
    shots = [film.hung(images[:30], film.wall(*size, k), (200 + 150 * k, 200)) for k in range(3)]
    write("cuts.mp4", [frame for shot in shots for frame in shot])
    write("short.mp4", good[:40], audio[: 40 * SAMPLES_PER_FRAME])
    for late in LATE:
        write(f"late_{late}.mp4", good, moved(audio, late))
    ntsc = film.hung(studio.shoot(1, NTSC), behind, place(size))
    write("ntsc_late_6.mp4", ntsc, moved(studio.exact(1)["audio"], 6), NTSC)
    whole = write("broken.mp4", good).read_bytes()
    (folder / "broken.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "words.mp4").write_text("This is no video.\n" * 100)


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((side, side)))


def _blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(FACE / 40)))
