import numpy as np
import pytest
from toys import FRAMES, SIZE, make_record, shade

from vasa_jax.data import clips
from vasa_jax.errors import UserError


def test_a_clip_comes_back_as_it_was_written(clip_set):
    source = clips.open_clips(clip_set, "train")
    assert len(source) == 4
    found = next(record for record in source if clips.text(record["clip"]) == "clip51")
    written = make_record(51)
    for name in ("audio", "pose", "gaze", "expression", "landmarks", "distance", "lip_opening", "emotion"):
        np.testing.assert_array_equal(found[name], written[name])
    assert [clips.text(label) for label in found["phones"]["label"]] == written["phones"]["label"]
    np.testing.assert_allclose(found["phones"]["end"], written["phones"]["end"])


def test_only_the_wanted_frames_are_decoded(clip_set):
    record = clips.open_clips(clip_set, "train")[0]
    assert all(isinstance(frame, bytes) for frame in record["frames"])
    images = clips.decode_frames(record, [3, FRAMES - 1])
    assert images.shape == (2, SIZE, SIZE, 3) and images.dtype == np.uint8
    np.testing.assert_allclose(images, [shade(3), shade(FRAMES - 1)], atol=2)


def test_the_set_may_lie_two_folders_down(clip_set, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "1.0.0").symlink_to(clip_set)
    assert len(clips.open_clips(tmp_path, "validation")) == 2


def test_missing_clips_and_splits_are_the_users_to_mend(clip_set, tmp_path):
    with pytest.raises(UserError, match="no clip set in"):
        clips.open_clips(tmp_path, "train")
    with pytest.raises(UserError, match="no split 'test'"):
        clips.open_clips(clip_set, "test")
    assert clips.has_split(clip_set, "train") and not clips.has_split(clip_set, "test")
