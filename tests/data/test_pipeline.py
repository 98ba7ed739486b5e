import numpy as np
import pytest
from toys import FRAMES, make_record

from vasa_jax.data import clips, pipeline
from vasa_jax.data.pipeline import FacePairs, Reading, Singles


def draw(dataset, count):
    iterator = iter(dataset)
    return [next(iterator) for _ in range(count)], iterator


def frame_of(images):
    """Which frame of its clip an image is, read from its shade."""
    return np.round(images.mean((-3, -2, -1)) / 8).astype(int)


def test_labels_belong_to_their_frames(clip_set):
    source = clips.open_clips(clip_set, "train")
    pair = FacePairs(3, np.pi)(source[0], np.random.default_rng(0))
    assert len(set(frame_of(pair["driver"]))) == 3
    for who in ("source", "driver"):
        for label in ("pose", "expression", "landmarks"):
            np.testing.assert_array_equal(pair[f"{who}_{label}"], source[0][label][frame_of(pair[who])])


def test_sources_are_near_frontal(clip_set):
    record = clips.open_clips(clip_set, "train")[0]
    yaw = np.abs(record["pose"][:, 0])
    limit = float(np.sort(yaw)[4])
    drawn = [FacePairs(1, limit)(record, np.random.default_rng(i))["source_pose"][0] for i in range(20)]
    assert np.abs(drawn).max() < limit
    assert abs(FacePairs(1, 0.0)(record, np.random.default_rng(0))["source_pose"][0]) == yaw.min()


def test_singles_bring_several_frames_of_a_clip(clip_set):
    source = clips.open_clips(clip_set, "train")
    (batch,), _ = draw(pipeline.batches(source, Singles(5), Reading(2)), 1)
    assert batch["image"].shape[:2] == (2, 5) and batch["pose"].shape == (2, 5, 7)
    assert batch["expression"].shape == (2, 5, 57)


def test_batches_repeat_for_a_seed_and_differ_for_another(clip_set):
    source = clips.open_clips(clip_set, "train")
    poses = [
        np.stack([batch["driver_pose"] for batch in draw(pipeline.batches(source, FacePairs(2, 1.0), r), 5)[0]])
        for r in (Reading(2), Reading(2, threads=3, ahead=4), Reading(2, seed=1))
    ]
    np.testing.assert_array_equal(poses[0], poses[1])
    assert (poses[0] != poses[2]).any()
    assert (poses[0][0] != poses[0][2]).any(), "the second pass over the clips must draw other frames"


def test_position_can_be_taken_up_again(clip_set):
    dataset = pipeline.batches(clips.open_clips(clip_set, "train"), FacePairs(2, 1.0), Reading(2))
    _, iterator = draw(dataset, 3)
    place, expected = iterator.get_state(), next(iterator)
    again = iter(dataset)
    again.set_state(place)
    for name, value in next(again).items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.slow
def test_worker_processes_give_the_same(clip_set):
    source = clips.open_clips(clip_set, "train")
    (here,), _ = draw(pipeline.batches(source, Singles(1), Reading(2)), 1)
    (there,), _ = draw(pipeline.batches(source, Singles(1), Reading(2, workers=1)), 1)
    np.testing.assert_array_equal(here["pose"], there["pose"])


def test_kept_records_are_read_once():
    reads = []

    class Source:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            reads.append(index)
            return make_record(index)

    kept = pipeline.Kept(Source(), lambda record: {"frames": len(record["frames"])})
    assert [kept[i]["frames"] for i in (0, 1, 0, 1)] == [FRAMES] * 4
    assert reads == [0, 1]
    assert pipeline.Chosen(kept, [1])[0] is kept[1]


def test_expression_scale_has_a_floor(clip_set):
    source = clips.open_clips(clip_set, "train")
    scale = pipeline.expression_scale(source, least=0.1)
    assert scale.shape == (57,) and (scale > 0.2).all()
    assert (pipeline.expression_scale(source, least=5.0) == 5.0).all()


def test_a_batch_names_its_clips(clip_set):
    """And one of a single element is a batch as well."""
    source = clips.open_clips(clip_set, "train")
    drawn, _ = draw(pipeline.batches(source, Singles(1), Reading(1)), 4)
    names = [pipeline.clip_names(batch["clip"]) for batch in drawn]
    assert sorted(names) == sorted([clips.text(source[i]["clip"])] for i in range(4))
    poses = {clips.text(source[i]["clip"]): source[i]["pose"] for i in range(4)}
    assert all((poses[name] == batch["pose"][0, 0]).all(1).any() for (name,), batch in zip(names, drawn, strict=True))


def test_names_are_cut_and_may_be_absent():
    named = pipeline.Named(lambda record, generator: {})
    records = {"clip": b"caf\xc3\xa9"}, {"clip": "x" * 99}, {}
    rows = [named(record, np.random.default_rng(0))["clip"] for record in records]
    assert pipeline.clip_names(np.stack(rows)) == ["café", "x" * pipeline.NAME_BYTES, ""]
