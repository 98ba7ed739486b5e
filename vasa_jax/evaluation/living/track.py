"""Ten minutes to speak: sentences in a random order, with pauses between them."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from vasa_jax.types import FPS, SAMPLES_PER_FRAME

PAUSES = (0.6, 4.0)  # seconds, even in between
MARGIN = 10  # frames of a pause at its ends in which the mouth may still close or open already


@dataclasses.dataclass(frozen=True)
class Track:
    """T frames of sound.

    Attributes:
      audio: (640 T,) in [-1, 1] at 16 kHz.
      speech: (T,) where a sentence is heard.
      rest: (T,) where a pause is, without its margins.
    """

    audio: Float[np.ndarray, " samples"]
    speech: Bool[np.ndarray, " time"]
    rest: Bool[np.ndarray, " time"]


def make_track(sentences: list[np.ndarray], frames: int, seed: int = 0) -> Track:
    """Sentences, mono at 16 kHz, all of them before one comes again; the last is cut at the end."""
    generator = np.random.default_rng(seed)
    audio, speech, order = [], [], []
    while sum(map(len, speech)) < frames:
        order = order or generator.permutation(len(sentences)).tolist()
        sentence = sentences[order.pop()]
        sentence = sentence[: len(sentence) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
        pause = int(FPS * generator.uniform(*PAUSES))
        audio += [sentence, np.zeros(pause * SAMPLES_PER_FRAME, np.float32)]
        speech += [np.ones(len(sentence) // SAMPLES_PER_FRAME, bool), np.zeros(pause, bool)]
    heard = np.concatenate(speech)
    near = np.convolve(heard, np.ones(2 * MARGIN + 1), "same") > 0.5
    whole = np.concatenate(audio).astype(np.float32)
    return Track(whole[: frames * SAMPLES_PER_FRAME], heard[:frames], ~near[:frames])
