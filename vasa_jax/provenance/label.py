"""The label that people see: words at the start of a video, and a small mark in a corner as long as it lasts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from vasa_jax.errors import UserError

WORDS = {
    "de": "KI-generiert",
    "en": "AI-generated",
    "es": "Generado por IA",
    "fr": "Contenu IA",
    "it": "Generato da IA",
    "ja": "AI生成",
    "ko": "AI 생성",
    "nl": "AI-gegenereerd",
    "pt": "Gerado por IA",
    "zh": "AI生成合成",
}
PLACES = ("top", "bottom")
CORNER_WORDS = {"de": "KI", "es": "IA", "fr": "IA", "it": "IA", "pt": "IA"}
NONE = "none"
SECONDS = 3.0  # that the words are shown
# Height of capital letters in sides of the frame: the rules of China ask for 0.05 of the shorter one.
WORDS_HEIGHT, CORNER_HEIGHT = 0.055, 0.05
MARGIN, PADDING = 0.03, 0.015  # likewise
SHADE, INK = 0.55, 255.0
MAX_WORDS = 60


@dataclass(frozen=True)
class Label:
    """What is shown, and where.

    Attributes:
      text: None for the language's own words; "none" for no label. What is too long for the frame is made narrower.
      place: "top" or "bottom", of the words; the corner mark is on the other side, at the right.
      language: a key of WORDS.
      font: file of a font that has the letters; None for Pillow's, which has plain Latin ones.

    Raises:
      UserError: a value that is none of these, or words that the font cannot show.
    """

    text: str | None = None
    place: str = "bottom"
    language: str = "en"
    font: str | None = None

    def __post_init__(self):
        if self.language not in WORDS:
            known = ", ".join(WORDS)
            raise UserError(f"no words for the language {self.language!r}; there are {known}, or give --label TEXT")
        if self.place not in PLACES:
            raise UserError(f"the label's place is {' or '.join(PLACES)}, not {self.place!r}")
        if self.text is not None and not 0 < len(self.text.strip()) <= MAX_WORDS:
            raise UserError(f"the label is 1 to {MAX_WORDS} letters long, or {NONE}")
        if self.is_shown:
            _check_letters(self.words + self.corner_words, self.font)

    @property
    def is_shown(self) -> bool:
        return self.text != NONE

    @property
    def words(self) -> str:
        """What the label says; "none" where there is none."""
        return WORDS[self.language] if self.text is None else self.text

    @property
    def corner_words(self) -> str:
        return CORNER_WORDS.get(self.language, "AI")


def labelled(frames: Iterable[np.ndarray], label: Label, size: tuple[int, int], fps: int) -> Iterator[np.ndarray]:
    """Frames of a video, uint8, of that width and height, with the label on them; resized where they differ."""
    for index, frame in enumerate(frames):
        frame = resized(frame, size)
        yield draw(frame, label, words=index < SECONDS * fps) if label.is_shown else frame


def draw(frame: UInt8[np.ndarray, "height width 3"], label: Label, words: bool) -> UInt8[np.ndarray, "height width 3"]:
    """The frame with the corner's mark, and with the words if they are due."""
    drawn = frame.copy()
    for plate in _plates(label, frame.shape[:2], words):
        light = drawn[plate.box] * plate.shade[..., None] + plate.ink[..., None]
        drawn[plate.box] = np.round(light).astype(np.uint8)
    return drawn


def resized(frame: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """To a width and height by a Lanczos filter, where they differ."""
    if frame.shape[1::-1] == size:
        return frame
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


@dataclass(frozen=True)
class _Plate:
    """Light letters on a darkened ground: what a box of the frame is multiplied by, and what is added."""

    box: tuple[slice, slice]
    shade: np.ndarray
    ink: np.ndarray


@lru_cache(maxsize=8)
def _plates(label: Label, shape: tuple[int, int], words: bool) -> list[_Plate]:
    corner_top = label.place == "bottom"
    plates = [_plate(shape, label.corner_words, label.font, CORNER_HEIGHT, corner_top, at_right=True)]
    if words:
        plates.append(_plate(shape, label.words, label.font, WORDS_HEIGHT, not corner_top, at_right=False))
    return plates


def _plate(shape: tuple[int, int], text: str, font: str | None, height: float, at_top: bool, at_right: bool) -> _Plate:
    short, (tall, wide) = min(shape), shape
    margin, pad = max(round(MARGIN * short), 1), max(round(PADDING * short), 1)
    letters = _letters(text, font, height * short)
    room = wide - 2 * margin - 2 * pad
    if letters.shape[1] > room:
        squeezed = Image.fromarray((letters * 255).astype(np.uint8)).resize((room, letters.shape[0]))
        letters = np.asarray(squeezed, np.float32) / 255
    cover = np.pad(letters, pad)
    top = margin if at_top else tall - margin - cover.shape[0]
    left = wide - margin - cover.shape[1] if at_right else (wide - cover.shape[1]) // 2
    box = slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1])
    return _Plate(box, (1 - SHADE) * (1 - cover), INK * cover)


def _letters(text: str, font: str | None, height: float) -> Float[np.ndarray, "height width"]:
    """Coverage of the letters from 0 to 1, capitals at least `height` pixels tall."""
    points = height
    while True:
        opened = _open(font, points)
        box = opened.getbbox("A")
        if box[3] - box[1] >= height:
            break
        points *= 1.05
    left, top, right, bottom = (round(edge) for edge in opened.getbbox(text))
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=opened)
    return np.asarray(image, np.float32) / 255


def _open(font: str | None, points: float) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.load_default(points) if font is None else ImageFont.truetype(font, points)
    except OSError as error:
        raise UserError(f"not a font that can be read: {font}") from error


def _check_letters(text: str, font: str | None) -> None:
    opened = _open(font, 20.0)
    unknown = bytes(opened.getmask("\uffff"))
    for letter in text:
        if not letter.isspace() and bytes(opened.getmask(letter)) == unknown:
            name = "Pillow's font" if font is None else Path(font).name
            raise UserError(f"{name} has no letter {letter!r}; name a font file that has it by --label_font")


DEFAULT = Label()
