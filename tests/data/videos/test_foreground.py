"""Masks of the person: from a graph, through file and set, to the losses' batch."""

import numpy as np
import pytest
import tiny_graph
from PIL import Image
from toys import FRAMES, SIZE, make_video_record

from vasa_jax.data import array_records, clip_file, clips, pipeline
from vasa_jax.data.videos import record as records
from vasa_jax.data.videos.labels import Segmenter
from vasa_jax.data.videos.one_video import jpeg
from vasa_jax.errors import UserError

GREY = np.full((1, 3), 1 / 3)


def halves(side: int = 32) -> np.ndarray:
    """A white left half beside a black one."""
    frame = np.zeros((side, side, 3), np.uint8)
    frame[:, : side // 2] = 255
    return frame


@pytest.fixture
def graph(tmp_path):
    pytest.importorskip("ai_edge_litert")
    return lambda weights, bias, **options: tiny_graph.write(
        tmp_path / "g.tflite", np.asarray(weights), np.asarray(bias), **options
    )


@pytest.mark.parametrize(
    ("weights", "bias", "white", "black"),
    [
        (GREY, [0.0], 255, 0),
        (20 * GREY, [-10.0], 255, 0),  # logits
        ([[-1 / 3] * 3, [1 / 3] * 3], [1.0, 0.0], 255, 0),  # the background first
        ([[0.0] * 3, [10.0] * 3], [0.0, -15.0], 255, 0),
        (0 * GREY, [0.25], 64, 64),
    ],
)
def test_masks_of_graphs_with_one_channel_or_two(graph, weights, bias, white, black):
    masks = Segmenter(graph(weights, bias))(np.stack([halves()] * 2))
    assert masks.shape == (2, 32, 32) and masks.dtype == np.uint8
    np.testing.assert_allclose(masks[:, :, :8], white, atol=1)
    np.testing.assert_allclose(masks[:, :, 24:], black, atol=1)


def test_graphs_of_another_kind_are_told(graph, tmp_path):
    with pytest.raises(UserError, match="gives 192 numbers for 8x8; expected a TFLite graph from an image"):
        Segmenter(graph(np.eye(3), np.zeros(3)))
    with pytest.raises(UserError, match=r"no graph at .*none\.tflite; expected a TFLite graph from an image"):
        Segmenter(tmp_path / "none.tflite")


def blurred(frame: np.ndarray, side: int) -> np.ndarray:
    small = Image.fromarray(frame).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small.resize(frame.shape[1::-1], Image.Resampling.BILINEAR))


def masked(index: int) -> dict:
    """A record whose mask in frame t is white on the left and 5 t on the right."""
    mask = [np.where(np.arange(SIZE) < SIZE // 2, 255, 5 * t).astype(np.uint8) for t in range(FRAMES)]
    masks = [jpeg(np.tile(row, (SIZE, 1)), 95) for row in mask]
    return {**make_video_record(index), "foreground": masks}


def test_masks_reach_the_losses_with_their_frames(tmp_path):
    """Through a clip's own file and a set, at the size that is trained."""
    clip_file.store(tmp_path / "c.npz", masked(0))
    folder = tmp_path / "set"
    folder.mkdir()
    written = [("c0", clip_file.load(tmp_path / "c.npz")), ("c1", masked(1))]
    array_records.write_set(folder, "videos", records.video_features(SIZE, foreground=True), {"train": written})
    source = clips.open_clips(folder, "train")
    for size in (None, SIZE // 2):
        pair = pipeline.FacePairs(3, np.pi, size)(source[0], np.random.default_rng(0))
        side = size or SIZE
        mask, shade = pair["driver_foreground"], np.round(pair["driver"].mean((1, 2, 3)) / 8)
        assert mask.shape == (3, side, side, 1) and mask.dtype == np.float32
        np.testing.assert_allclose(mask[:, :, : side // 2 - 1], 1, atol=0.03)
        np.testing.assert_allclose(mask[:, :, side // 2 + 1 :].mean((1, 2, 3)), 5 * shade / 255, atol=0.03)
    batch = next(iter(pipeline.batches(source, pipeline.FacePairs(2, 1.0), pipeline.Reading(2))))
    assert batch["driver_foreground"].shape == (2, 2, SIZE, SIZE, 1)


def test_a_set_without_a_segmenter_has_no_masks(tmp_path):
    without = {name: value for name, value in masked(0).items() if name != "foreground"}
    array_records.write_set(tmp_path, "videos", records.video_features(SIZE), {"train": [("c0", without)]})
    pair = pipeline.FacePairs(2, 1.0)(clips.open_clips(tmp_path, "train")[0], np.random.default_rng(0))
    assert "driver_foreground" not in pair


@pytest.mark.slow
def test_a_video_gets_masks(talks, faces, tmp_path, settings, readers, graph):
    import dataclasses

    import films

    from vasa_jax.data.videos.one_video import Video

    path = films.write(tmp_path / "a.mp4", films.scene(faces[0])[:40], talks[0]["audio"][: 40 * 640])
    file = str(graph(GREY, [0.0]))
    changed = dataclasses.replace(settings, segmenter=file, largest_offset=0.0, least_speech=0.0)
    (clip,) = Video(path, path.name, changed, dataclasses.replace(readers, segmenter=Segmenter(file))).sort()
    assert clip["sources"]["source"][clip["sources"]["label"].index("foreground")] == file
    masks = clips.decode_masks(clip, [0, 30])
    seen = [blurred(frame, 8) for frame in clips.decode_frames(clip, [0, 30])]  # the graph sees 8x8 pixels
    grey = np.stack(seen).mean(-1, keepdims=True) / 255
    assert len(clip["foreground"]) == len(clip["frames"]) and masks.shape == (2, 128, 128, 1)
    assert np.corrcoef(masks.ravel(), grey.ravel())[0, 1] > 0.99
