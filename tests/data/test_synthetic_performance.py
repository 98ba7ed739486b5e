"""Synthetic heads without a picture: lips that follow phones, labels of pose and gaze, disjoint splits."""

import numpy as np
import pytest

from vasa_jax.data.synthetic import anatomy, clip, emotions, eyes, head_model, performance, visemes
from vasa_jax.data.synthetic import person as persons
from vasa_jax.data.synthetic import speech_sources as speech
from vasa_jax.data.synthetic.renderer import View
from vasa_jax.errors import UserError

VOWELS = ("AA", "AE", "AO", "EH", "AY", "OW")


@pytest.fixture(scope="module")
def model(assets):
    return head_model.load(str(assets))


@pytest.fixture(scope="module")
def settings(assets):
    return clip.Settings(str(assets), identities=6, talk=6, validation=2, test=2, range_frames=8)


@pytest.fixture(scope="module")
def talks(model, settings):
    """(person, Performance, phones) of a few training clips."""
    result = []
    for plan in [plan for plan in clip.plans(settings, "train") if plan.kind == "talk"]:
        person = clip.draw_person(model, settings, "train", plan.identity)
        acts, _, phones = clip.perform(model, settings, plan, person.lips)
        result.append((person, acts, phones))
    return result


def measured_opening(model, person, coefficients):
    """(T,) the lips' opening from the vertices themselves."""
    points = (person.vertices + model.expression(coefficients))[:, model.landmarks]
    eyes_apart = np.linalg.norm(
        person.vertices[model.landmarks[36:42]].mean(0) - person.vertices[model.landmarks[42:48]].mean(0)
    )
    gaps = [points[:, upper, 1] - points[:, lower, 1] for upper, lower in anatomy.INNER_LIP_PAIRS]
    return np.maximum(np.mean(gaps, 0), 0) / eyes_apart


def test_lips_close_on_bilabials_and_open_on_vowels(model, talks):
    openings = {"bilabial": [], "labiodental": [], "vowel": []}
    for person, acts, phones in talks:
        opening = measured_opening(model, person, acts.expression)
        for label, start, end in phones:
            group = "vowel" if label in VOWELS else visemes.VISEMES[label][0]
            if group in openings:
                openings[group].append(opening[min(int((start + end) / 2 * 25), len(opening) - 1)])
    assert len(openings["bilabial"]) > 10 and len(openings["labiodental"]) > 3
    assert max(openings["bilabial"]) < 0.002
    assert max(openings["labiodental"]) < 0.05
    assert np.mean(openings["vowel"]) > 0.1


def test_the_lip_label_is_the_opening_of_the_vertices(model, talks):
    person, acts, _ = talks[0]
    label = clip.labels(acts, person.lips)["lip_opening"]
    np.testing.assert_allclose(label, measured_opening(model, person, acts.expression), atol=1e-4)


def test_rest_closes_the_lips_and_silence_keeps_them_nearly_closed(model, settings):
    person = persons.draw(model, np.random.default_rng(5))
    assert 0 <= person.lips.opening(np.zeros((1, 57)))[0] < 0.01
    silence = [("SIL", 0.0, 2.0)]
    curves, _ = visemes.curves(silence, 50, model.index, 57)
    assert abs(curves).max() < 1e-3


def test_pose_label_maps_the_canonical_head_into_the_image(model, settings):
    person = clip.draw_person(model, settings, "train", 0)
    points = person.vertices[model.landmarks]
    canonical = anatomy.UNITS_PER_CM * (points + anatomy.OFFSET)
    rng = np.random.default_rng(0)
    for _ in range(10):
        rotation = rng.uniform(-1, 1, (1, 3)) * performance.HEAD_RANGE
        place = np.array([[*rng.uniform(-0.1, 0.1, 2), rng.uniform(0.9, 1.1)]])
        acts = performance.Performance(
            np.zeros((1, 57)), rotation, place, place, np.zeros((1, 2)), np.zeros((1, 2)), np.zeros(6)
        )
        yaw, pitch, roll, *shift, scale = clip.pose_labels(acts)[0]
        turned = eyes.rotation(yaw, pitch, roll)
        labelled = (scale * canonical @ turned.T + shift)[:, :2]
        seen = clip.project(points, View(turned, place[0], place[0]))
        assert np.abs(labelled - seen).mean() < 0.025  # perspective: 1.6 pixels of 128
        assert np.abs(labelled - seen).max() < 0.09


def test_yaw_turns_the_nose_right_pitch_down_roll_counter_clockwise():
    ahead, up = np.array([0.0, 0, 1]), np.array([0.0, 1, 0])
    assert (eyes.rotation(0.3, 0.0, 0.0) @ ahead)[0] > 0
    assert (eyes.rotation(0.0, 0.3, 0.0) @ ahead)[1] < 0
    assert (eyes.rotation(0.0, 0.0, 0.3) @ up)[0] < 0


def test_gaze_label_is_where_the_irises_point(model, talks):
    person, acts, _ = talks[1]
    for t in range(0, len(acts.eye), 20):
        vertices, normals = person.vertices.copy(), person.normals.copy()
        person.eyes.turn(vertices, normals, person.vertices, person.normals, acts.eye[t])
        head = eyes.rotation(*acts.rotation[t])
        for part, centre in zip(person.eyes.parts, person.eyes.centres, strict=True):
            rest = model.vertices[part] - model.vertices[part].mean(0)
            iris = part[np.hypot(rest[:, 0], rest[:, 1]) < 0.7]
            front = iris[person.vertices[iris, 2] > centre[2]]
            before = (person.vertices[front] - centre).mean(0)
            after = (vertices[front] - centre).mean(0)
            turned = head @ eyes.rotation(acts.eye[t, 0], -acts.eye[t, 1], 0.0)
            np.testing.assert_allclose(head @ after, turned @ before, atol=1e-3)
            np.testing.assert_allclose(eyes.angles(turned[:, 2]), acts.gaze[t], atol=1e-5)


def test_motion_is_of_the_promised_size_and_rests_in_pauses(talks):
    rotation = np.degrees(np.concatenate([acts.rotation for _, acts, _ in talks]))
    assert 3 < rotation[:, 0].std() < 14 and 1.5 < rotation[:, 1].std() < 8 and 1 < rotation[:, 2].std() < 6
    silent, loud = np.zeros(100), np.ones(100)
    moved = performance.head_turns(np.random.default_rng(0), loud)
    rested = performance.head_turns(np.random.default_rng(0), silent)
    assert np.abs(np.diff(rested, axis=0)).mean() < 0.4 * np.abs(np.diff(moved, axis=0)).mean()


def test_blinks_happen(model, talks):
    lids = np.concatenate([acts.expression[:, model.index("eyeBlink")[0]] for _, acts, _ in talks])
    assert (lids > 0.7).mean() > 0.01


def test_emotions_leave_the_name_of_every_shape_known(model):
    for name in emotions.FACES:
        for shape in emotions.FACES[name]:
            assert model.index(shape)


def test_splits_share_no_voice_sentence_or_person(settings):
    parts = {split: clip.plans(settings, split) for split in clip.SPLITS}
    everything = {split: speech.utterances(settings.assets, split, 8.0) for split in clip.SPLITS}
    said = {
        split: {s for one in ones for s in speech.sentences(one.text)} for split, ones in everything.items()
    }
    assert not said["train"] & said["validation"] and not said["train"] & said["test"]
    voices = {split: {one.voice for one in ones} for split, ones in everything.items()}
    assert voices["test"] == {speech.HELD_OUT_VOICE}
    assert not any(speech.HELD_OUT_VOICE in voice for voice in voices["train"] | voices["validation"])
    assert voices["validation"] <= voices["train"]
    names = [plan.name for plans in parts.values() for plan in plans]
    assert len(names) == len(set(names))
    shapes = [
        clip.generator(settings, split, 0, k).normal(size=4).tobytes()
        for split in clip.SPLITS
        for k in range(settings.people(split))
    ]
    assert len(set(shapes)) == len(shapes)


def test_phones_of_all_speech_are_known_and_inside_the_audio(settings):
    for plan in [plan for plan in clip.plans(settings, "train") if plan.kind == "talk"][:3]:
        audio, phones = speech.speak(plan.utterance, settings.max_seconds)
        assert len(audio) % 640 == 0 and audio.dtype == np.float32 and np.abs(audio).max() <= 1
        assert {label for label, _, _ in phones} <= set(visemes.PHONES)
        assert all(0 <= start < end <= len(audio) / 16000 + 1e-6 for _, start, end in phones)
    assert len(visemes.PHONES) == 40


def test_cut_stays_below_the_limit_and_loses_nothing(settings):
    for one in speech.utterances(settings.assets, "test", 100.0):
        stretches = speech.cut(one, 5.0)
        assert all(part.end - part.start <= 5.0 + 1e-6 for part in stretches)
        assert stretches[0].start == 0 and stretches[-1].end >= one.end - 0.5


def test_missing_assets_and_flite_are_the_users_to_mend(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="ICT-FaceKit"):
        head_model.load(str(tmp_path))
    with pytest.raises(UserError, match="manifest"):
        speech.utterances(str(tmp_path), "train", 8.0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Debian package flite"):
        speech.flite("Hello.", "slt")
