"""Rendered people in video files: at the times of a camera, where they should be, as a set of videos."""

from fractions import Fraction

import numpy as np
import pytest
from toys import FRAMES

from vasa_jax.data.synthetic import film, films, performance
from vasa_jax.data.videos.manifest import read_manifest
from vasa_jax.data.videos.run import list_videos


def acting(count: int) -> performance.Performance:
    """Every number of frame t is t."""
    still = performance.still(count, 57)
    moved = {name: np.tile(np.arange(count)[:, None], shape) for name, shape in SHAPES.items()}
    return performance.Performance(**moved, emotion=still.emotion)


SHAPES = {"expression": (1, 57), "rotation": (1, 3), "place": (1, 3), "body": (1, 3), "eye": (1, 2), "gaze": (1, 2)}


@pytest.mark.parametrize("rate", [25, Fraction(30_000, 1001), Fraction(24_000, 1001), 50, 15])
def test_pictures_are_of_their_own_time(rate):
    moved = film.at_rate(acting(100), rate)
    times = np.arange(len(moved.eye)) / float(rate)
    assert len(moved.eye) == int(4 * rate)
    np.testing.assert_allclose(moved.rotation[:, 0], np.minimum(times * 25, 99), atol=1e-9)
    np.testing.assert_allclose(moved.expression[:, 5], moved.rotation[:, 0])


def test_pictures_hang_where_they_should_and_are_cut_at_the_edge():
    behind = np.zeros((20, 30, 3), np.uint8)
    for place, shown in (((3, 4), (slice(4, 14), slice(3, 13))), ((-4, 15), (slice(15, 20), slice(0, 6)))):
        (frame,) = film.hung([np.full((10, 10, 3), 9, np.uint8)], behind, place)
        assert (frame[shown] == 9).all() and (frame > 0).sum() == 3 * frame[shown][..., 0].size
    assert not behind.any()


def test_a_set_of_talks_becomes_a_folder_of_videos(clip_set, tmp_path):
    import av

    films.main(["--clips", str(clip_set), "--out", str(tmp_path / "v"), "--films", "3", "--face", "64"])
    videos = list_videos(tmp_path / "v")
    assert len(videos) == 3
    manifest = read_manifest(tmp_path / "v", videos)
    assert all(entry.identity == video.split("/")[0] for video, entry in manifest.items())
    for number, video in enumerate(sorted(videos, key=lambda video: video.split("/")[1])):
        with av.open(tmp_path / "v" / video) as container:
            stream, count = container.streams.video[0], sum(1 for _ in container.decode(video=0))
            assert (stream.width, stream.height) == films.SIZES[number]
            assert count == int(FRAMES * films.RATES[number] / 25)
    with pytest.raises(SystemExit):
        films.main(["--clips", str(clip_set), "--out", str(tmp_path / "w"), "--face", "4000"])
