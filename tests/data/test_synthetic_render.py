"""Synthetic heads as pictures: the same bytes for the same seed, and a data set that TFDS reads."""

import dataclasses
import io

import numpy as np
import PIL.Image
import pytest

from vasa_jax.data.synthetic import clip, head_model, performance
from vasa_jax.errors import UserError


@pytest.fixture(scope="module")
def settings(assets):
    pytest.importorskip("moderngl")
    from vasa_jax.data.synthetic import gl

    try:
        gl.create_context()
    except UserError as error:
        pytest.skip(str(error))
    return clip.Settings(
        str(assets), size=48, identities=1, talk=1, validation=0, test=0, range_frames=4, max_seconds=2.0
    )


def pixels(frame):
    return np.asarray(PIL.Image.open(io.BytesIO(frame)), np.float32)


def test_a_clip_is_the_same_whenever_it_is_made(settings):
    first, second = clip.plans(settings, "train")
    before = clip.make(settings, first)
    talk = clip.make(settings, second)
    after = clip.make(settings, first)
    assert before["frames"] == after["frames"]
    for name in ("pose", "gaze", "expression", "landmarks", "lip_opening"):
        np.testing.assert_array_equal(before[name], after[name])
    assert len(talk["frames"]) * 640 == len(talk["audio"])
    other = clip.make(dataclasses.replace(settings, seed=1), first)
    assert other["frames"] != before["frames"]


def test_the_first_range_frame_is_neutral_and_frontal(settings):
    record = clip.make(settings, clip.plans(settings, "train")[0])
    np.testing.assert_allclose(record["pose"][0], [0, 0, 0, 0, 0, 0, 1], atol=1e-6)
    assert np.abs(record["expression"][0]).max() < 0.05
    assert pixels(record["frames"][0]).std() > 20


def test_landmarks_lie_on_what_is_seen(settings):
    """Opening the mouth changes the picture at the mouth's landmarks and not at the forehead."""
    from vasa_jax.data.synthetic.renderer import Renderer

    model = head_model.load(settings.assets)
    person = clip.draw_person(model, settings, "train", 0)
    renderer = Renderer(model, 96, 1)
    renderer.set_person(person)
    acts = performance.still(2, 57)
    acts.expression[1, model.index("jawOpen")] = 0.6
    (closed, points), (opened, _) = clip.draw(renderer, person, acts)
    change = np.abs(closed.astype(float) - opened).mean(-1)
    column, row = ((points[62:68].mean(0) * [1, -1] + 1) / 2 * 96).astype(int)
    assert change[row - 3 : row + 8, column - 4 : column + 4].mean() > 30
    assert change[:20].mean() < 1


def test_a_portrait_has_a_margin(settings):
    from vasa_jax.data.synthetic.portrait import portrait

    picture = portrait(settings, "test", 0, size=64)
    assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8


@pytest.mark.slow
def test_two_processes_write_the_bytes_of_one(settings, tmp_path):
    from vasa_jax.data.clips import open_clips
    from vasa_jax.data.synthetic.__main__ import main

    flags = (
        f"--assets {settings.assets} --size 48 --identities 1 --talk 1 --validation 0 --test 0 --splits train"
    )
    extra = f"--range_frames 4 --max_seconds 2 --processes 2 --out {tmp_path / 'set'}"
    out = main([*flags.split(), *extra.split()])
    source = open_clips(out, "train")
    expected = {plan.name: clip.make(settings, plan) for plan in clip.plans(settings, "train")}
    assert len(source) == len(expected) == 2
    for record in source:
        made = expected[record["clip"].decode()]
        assert list(record["frames"]) == made["frames"]
        assert record["kind"].decode() == made["kind"] and record["speaker"].decode() == made["speaker"]
        for name in (
            "audio",
            "pose",
            "gaze",
            "expression",
            "landmarks",
            "distance",
            "emotion",
            "lip_opening",
        ):
            # Matrix products may differ in their last bit where processes are given other numbers of threads.
            np.testing.assert_allclose(record[name], made[name], rtol=0, atol=1e-6)
        assert [label.decode() for label in record["phones"]["label"]] == made["phones"]["label"]
    with pytest.raises(UserError, match="already holds"):
        main([*flags.split(), "--out", str(out)])
    with pytest.raises(UserError, match="unknown split"):
        main([*flags.split(), "--splits", "extra", "--out", str(tmp_path / "other")])
