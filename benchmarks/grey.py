"""An animator without networks, for measuring what is around it: grey frames, as many as the sound is long."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from vasa_jax.inference.animator import Animator
from vasa_jax.inference.performance import Performance, Progress
from vasa_jax.inference.sound import Sound
from vasa_jax.provenance.record import Record, hash_array

SIDE = 128


class GreyAnimator(Animator):
    """Makes videos and no streams."""

    image_size = SIDE

    def __init__(self):
        self.checkpoint = SimpleNamespace(config={"name": "grey"})

    def perform(self, portrait: np.ndarray, speech: Sound, *, progress: Progress, **_: Any) -> Performance:
        def draw(motions: Any) -> Any:
            for done, _ in enumerate(motions):
                progress("decode", done, speech.frames)
                yield np.full((1, SIDE, SIDE, 3), 128, np.uint8)

        record = Record("grey", 0, {"portrait": hash_array(portrait), "speech": speech.digest()})
        return Performance(
            lambda: (frame for frame in range(speech.frames)), draw, speech.frames, record, {"decode": 0.0}
        )
