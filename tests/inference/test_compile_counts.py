"""A hundred calls of all kinds: a program is compiled in the first call that needs it, and never again."""

import dataclasses
import itertools

import numpy as np
import pytest

from vasa_jax.inference.animator import Animator
from vasa_jax.inference.touches import Touches
from vasa_jax.types import EMOTIONS

CALLS = 100
LIDS = {"weights": [0.0] * 8 + [0.5] + [0.0] * 4, "bias": 0.1, "direction": [0.0] * 8 + [1.6, 0.4, 0.0, 0.0, 0.0]}
WAYS = ({"fast": True}, {"steps": 2}, {"steps": 2, "sampler": "dpm"})
KINDS = [*itertools.product(("offline", "online"), range(len(WAYS)), (False, True))]
"""What is known to be a program of its own: the sampler, and whether anything is changed of the motion."""


@pytest.fixture(scope="module")
def animator(with_student):
    config = {**with_student.config, "statistics": {**with_student.config["statistics"], "lids": LIDS}}
    return Animator(dataclasses.replace(with_student, config=config))


def any_portrait(rng):
    height, width = rng.integers(64, 200, 2)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def any_sound(rng, least=640):
    """Samples of some length up to 3.5 s, kind and number of channels, and their rate."""
    rate = int(rng.choice([8_000, 16_000, 22_050, 44_100]))
    shape = (int(rng.integers(least, 56_000)) * rate // 16_000, *((2,) if rng.random() < 0.3 else ()))
    samples = rng.uniform(-0.5, 0.5, shape).astype(np.float32)
    return (samples, rate) if rng.random() < 0.6 else ((32767 * samples).astype(np.int16), rate)


def any_wishes(rng):
    return {
        "gaze": (float(rng.uniform(-60, 60)), float(rng.uniform(-60, 60))),
        "distance": float(rng.uniform(0.5, 2)) if rng.random() < 0.7 else None,
        "emotion": f"{rng.choice(EMOTIONS)}:{rng.random():.2f}" if rng.random() < 0.7 else None,
    }


def any_controls(rng, way, changed):
    cfg = {f"{name}_cfg": float(rng.choice([0, rng.uniform(0, 1.5)])) for name in ("audio", "gaze")}
    touches = Touches(strength=float(rng.uniform(0.5, 2)), turn=tuple(rng.uniform(-20, 20, 3).tolist()))
    change = {"touches": touches, "pose": "fixed"} if changed else {}
    return {"seed": int(rng.integers(2**32)), **WAYS[way], **any_wishes(rng), **cfg, **change, "crop": False}


def offline(animator, rng, controls):
    if rng.random() < 0.5:
        controls["blinks"] = float(rng.uniform(0, 60))
    sound, rate = any_sound(rng)
    video = animator.animate(any_portrait(rng), sound, rate, **controls)
    assert len(video.frames) == -(-25 * len(sound) // rate)


def online(animator, rng, controls):
    """Sound in pieces of any size, frames taken or not, wishes that change, rests and interruptions."""
    stream = animator.stream(any_portrait(rng), hop=2, look_ahead=int(rng.choice([0, 2, 8])), **controls)
    sound, rate = any_sound(rng, least=8_000)
    start, taken = 0, 0
    while start < len(sound):
        size = int(rng.integers(0, 5_000))
        stream.feed(sound[start : start + size], rate)
        start += size
        taken += sum(1 for _ in itertools.islice(stream.ready(), int(rng.integers(0, 12))))
        what = rng.random()
        if what < 0.3:
            stream.change(**any_wishes(rng))
        elif what < 0.4:
            stream.rest(float(rng.uniform(0, 0.5)))
        elif what < 0.5:
            stream.interrupt()
    stream.finish()
    assert taken + sum(1 for _ in stream.ready())


@pytest.mark.slow
def test_nothing_compiles_after_the_first_call_of_its_kind(animator, compiled):
    rng, seen, late = np.random.default_rng(0), {}, []
    for call in range(CALLS):
        place, way, changed = kind = KINDS[call] if call < len(KINDS) else KINDS[rng.integers(len(KINDS))]
        before = len(compiled)
        {"offline": offline, "online": online}[place](animator, rng, any_controls(rng, way, changed))
        new = len(compiled) - before
        if kind in seen and new:
            late.append((call, kind, new))
        seen.setdefault(kind, new)
    assert not late and seen.keys() == set(KINDS)
    assert seen[KINDS[0]] and seen["online", 0, False], "the counter counts"
