"""When a stream's window is sampled, of what, and what of it is shown; the sampler here notes what it is given."""

import numpy as np
import pytest

from vasa_jax.inference.planner import Planner
from vasa_jax.motion import ClipState

WINDOW = 6


def state_of(call):
    return ClipState(None, None, None, call)


class Sampler:
    """A plan's motion is the number of its call, which is the frame of its state too."""

    def __init__(self):
        self.calls = []

    def __call__(self, features, heard, begun, state):
        assert features.shape == (1, WINDOW, 2) and not features[0, heard[0] :].any()
        self.calls.append((state.frame, int(begun.frames), int(heard[0])))
        motion = np.array(begun.motion)
        motion[:, begun.frames :] = len(self.calls)
        return motion, state_of(len(self.calls))


@pytest.fixture
def sampler():
    return Sampler()


@pytest.fixture
def planner():
    return Planner((WINDOW, 3, 2), state_of(0))


def speech(frames):
    return np.ones((1, frames, 2), np.float32)


def shown(planner, frames, sampler):
    motion = planner.show(frames, sampler)
    assert motion.shape == (frames, 3)
    return motion[:, 0].tolist()


def test_a_window_is_planned_anew_as_more_of_it_is_heard(planner, sampler):
    found = []
    for _ in range(4):
        planner.hear(speech(2))
        found += shown(planner, 2, sampler)
    assert found == [1, 1, 2, 2, 3, 3, 4, 4]
    assert sampler.calls == [(0, 0, 2), (0, 2, 4), (0, 4, 6), (3, 0, 2)]


def test_what_was_heard_to_its_end_is_planned_once(planner, sampler):
    planner.hear(speech(2 * WINDOW))
    found = [motion for _ in range(6) for motion in shown(planner, 2, sampler)]
    assert found == [1] * WINDOW + [2] * WINDOW
    assert sampler.calls == [(0, 0, WINDOW), (1, 0, WINDOW)]


def test_frames_of_two_windows_at_once(planner, sampler):
    planner.hear(speech(4))
    assert shown(planner, 4, sampler) == [1] * 4
    planner.hear(speech(4))
    assert shown(planner, 4, sampler) == [2, 2, 3, 3]
    assert sampler.calls == [(0, 0, 4), (0, 4, 6), (2, 0, 2)]


def test_another_wish_plans_the_rest_anew(planner, sampler):
    planner.hear(speech(WINDOW))
    assert shown(planner, 2, sampler) == [1, 1]
    planner.plan_anew()
    assert shown(planner, 4, sampler) == [2] * 4
    assert sampler.calls == [(0, 0, WINDOW), (0, 2, WINDOW)]


def test_what_is_forgotten_is_not_planned_with(planner, sampler):
    planner.hear(speech(WINDOW + 4))
    shown(planner, 2, sampler)
    planner.forget()
    planner.hear(speech(2))
    assert shown(planner, 2, sampler) == [2, 2]
    assert sampler.calls == [(0, 0, WINDOW), (0, 2, 4)]


def test_frames_behind_the_end_of_the_speech_need_no_plan(planner, sampler):
    planner.hear(speech(WINDOW))
    assert shown(planner, WINDOW + 2, sampler) == [1] * WINDOW + [0, 0]
    assert len(sampler.calls) == 1
