"""Phone targets and their loss."""

import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.speech import PHONES, phone_targets
from vasa_jax.speech.losses import phone_loss


def test_forty_phones_with_silence_first():
    assert len(set(PHONES)) == len(PHONES) == 40
    assert PHONES[0] == "SIL"


def test_a_slot_has_the_phone_at_its_middle():
    targets = phone_targets(["M", "AA"], [0.02, 0.055], [0.055, 0.08], frames=3)
    named = [[PHONES[i] for i in frame] for frame in targets]
    assert named == [["SIL", "M"], ["M", "AA"], ["SIL", "SIL"]]
    assert targets.dtype == np.int32


def test_phones_past_the_clip_are_left_out_and_unknown_ones_refused():
    assert phone_targets(["B"], [0.0], [9.0], frames=2).tolist() == [[PHONES.index("B")] * 2] * 2
    with pytest.raises(ValueError):
        phone_targets(["AH0"], [0.0], [1.0], frames=2)


def test_the_loss_is_a_weighted_mean_of_cross_entropies():
    logits = jnp.zeros((1, 2, 2, 40))
    targets = jnp.array([[[0, 1], [2, 3]]])
    assert phone_loss(logits, targets) == pytest.approx(np.log(40), rel=1e-5)
    sure = logits.at[0, 0, 0, 0].set(50.0)
    assert phone_loss(sure, targets) == pytest.approx(0.75 * np.log(40), rel=1e-5)
    silence_free = jnp.ones(40).at[0].set(0.0)
    assert phone_loss(sure, targets, label_weights=silence_free) == pytest.approx(np.log(40), rel=1e-5)
    only_sure = jnp.zeros((1, 2, 2)).at[0, 0, 0].set(1.0)
    assert phone_loss(sure, targets, slot_weights=only_sure) == pytest.approx(0, abs=1e-5)
