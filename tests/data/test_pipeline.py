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


@pytest.mark.parametrize("hosts", [2, 4])
def test_the_batch_of_all_hosts_is_the_same_whatever_their_number(clip_set, hosts):
    """Over several passes, with more hosts than some would have clips, and with what chance chose in each row."""
    source, reading = clips.open_clips(clip_set, "train"), Reading(8)
    whole, _ = draw(pipeline.batches(source, FacePairs(2, 1.0), reading), 5)
    shares = [draw(pipeline.batches(source, FacePairs(2, 1.0), reading, (i, hosts)), 5)[0] for i in range(hosts)]
    for number, batch in enumerate(whole):
        for name, value in batch.items():
            np.testing.assert_array_equal(np.concatenate([share[number][name] for share in shares]), value)


def test_a_run_goes_on_with_other_hosts_than_it_began_with(clip_set):
    source, reading = clips.open_clips(clip_set, "train"), Reading(4)
    _, iterator = draw(pipeline.batches(source, Singles(2), reading), 3)
    place, expected = iterator.get_state(), next(iterator)
    rows = []
    for host in range(2):
        again = iter(pipeline.batches(source, Singles(2), reading, (host, 2)))
        again.set_state(place)
        rows.append(next(again)["pose"])
    np.testing.assert_array_equal(np.concatenate(rows), expected["pose"])


def test_each_pass_sees_every_clip_once(clip_set):
    """On each host too, over as many passes as there are hosts."""
    source = clips.open_clips(clip_set, "train")
    for share in (None, (1, 2)):
        drawn, _ = draw(pipeline.batches(source, Singles(1), Reading(2), share), 8)
        names = [name for batch in drawn for name in pipeline.clip_names(batch["clip"])]
        if share is None:
            assert all(len(set(names[i : i + 4])) == 4 for i in range(0, 16, 4))
        assert len(set(names)) == 4


def test_what_hosts_cannot_share_is_refused(clip_set):
    with pytest.raises(ValueError, match="4 clips in batches of 6 cannot be shared by 4 hosts"):
        pipeline.batches(clips.open_clips(clip_set, "train"), Singles(1), Reading(6), (0, 4))


def test_more_candidates_bring_drivers_less_like_the_source(clip_set):
    record = clips.open_clips(clip_set, "train")[0]

    def mean_unlikeness(candidates):
        sample = FacePairs(2, np.pi, candidates=candidates)
        found = []
        for seed in range(60):
            pair = sample(record, np.random.default_rng(seed))
            source, drivers = int(frame_of(pair["source"])), frame_of(pair["driver"])
            assert source not in drivers or candidates == 1
            found.append(pipeline.unlikeness(record["landmarks"], source)[drivers])
        return np.mean(found)

    assert mean_unlikeness(4) > mean_unlikeness(2) > mean_unlikeness(1)


def test_moving_turning_and_zooming_make_no_face_unlike():
    generator = np.random.default_rng(0)
    face = generator.normal(size=(68, 2))
    turn = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    frames = np.stack([face, 0.4 * face @ turn.T + (0.2, -0.3), face * (0.8, 1.0), face * (0.6, 1.0), face * np.nan])
    with np.errstate(all="raise"):
        found = pipeline.unlikeness(frames.astype(np.float32), 0)
    assert found[0] == pytest.approx(0, abs=1e-5) == found[1] and 0.03 < found[2] < found[3] and found[4] == 0


def test_a_pair_says_who_it_shows(clip_set):
    source = clips.open_clips(clip_set, "train")
    people = [int(FacePairs(1, 1.0)(source[i], np.random.default_rng(0))["identity"]) for i in range(4)]
    assert len(set(people)) == 4
    again = FacePairs(1, 1.0)(source[0], np.random.default_rng(5))["identity"]
    assert again == people[0] and again.dtype == np.uint32


@pytest.mark.slow
def test_worker_processes_give_the_same(clip_set):
    source = clips.open_clips(clip_set, "train")
    (here,), _ = draw(pipeline.batches(source, Singles(1), Reading(2)), 1)
    (there,), _ = draw(pipeline.batches(source, Singles(1), Reading(2, workers=1)), 1)
    np.testing.assert_array_equal(here["pose"], there["pose"])


@pytest.mark.slow
def test_worker_processes_go_on_where_they_were_and_share_over_hosts(clip_set):
    source = clips.open_clips(clip_set, "train")
    expected, _ = draw(pipeline.batches(source, Singles(1), Reading(4), (1, 2)), 6)
    dataset = pipeline.batches(source, Singles(1), Reading(4, workers=2), (1, 2))
    drawn, iterator = draw(dataset, 3)
    place = iterator.get_state()
    again = iter(dataset)
    again.set_state(place)
    for batch, other in zip([*drawn, *(next(again) for _ in range(3))], expected, strict=True):
        np.testing.assert_array_equal(batch["pose"], other["pose"])


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
