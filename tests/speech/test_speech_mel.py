"""The log-mel: its bands, its frames, and that it hears only the past."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.speech import mel


def test_every_band_hears_something_and_the_range_is_covered():
    bank = mel.filterbank()
    assert bank.shape == (257, 80)
    assert (bank.max(0) > 0.4).all()
    inside = slice(int(100 / 31.25), int(7000 / 31.25))
    assert (bank[inside].sum(1) > 0.99).all()


@pytest.mark.parametrize("hertz", [200, 1000, 5000])
def test_a_tone_is_loudest_in_its_band(hertz):
    tone = 0.1 * jnp.sin(2 * jnp.pi * hertz * jnp.arange(4000) / 16000)[None]
    found = int(mel.log_mel(tone).mean((0, 1)).argmax())
    edges = np.linspace(*mel.hertz_to_mel(np.array([mel.LOWEST, mel.HIGHEST])), mel.BANDS + 2)
    assert found == pytest.approx(np.abs(edges[1:-1] - mel.hertz_to_mel(np.array([hertz]))).argmin(), abs=1)


def test_a_frame_ends_with_its_hop_and_silence_is_finite():
    audio = 0.1 * jax.random.normal(jax.random.key(0), (1, mel.LEAD + 10 * mel.HOP))
    before = mel.log_mel(audio)
    after = mel.log_mel(audio.at[:, mel.LEAD + 5 * mel.HOP :].set(0.0))
    assert before.shape == (1, 10, 80)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (np.abs(before - after)[:, 5:].max(-1) > 0).all()
    assert np.isfinite(mel.log_mel(jnp.zeros_like(audio))).all()
