import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from vasa_jax.data.videos import labels
from vasa_jax.data.videos.labels import emotion
from vasa_jax.errors import UserError
from vasa_jax.types import EMOTIONS


def tiles(side: int = 400, count: int = 10) -> np.ndarray:
    """Squares of any colour with edges between them."""
    colours = np.random.default_rng(0).integers(60, 200, (count, count, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST))


def blurred(frame: np.ndarray, radius: float) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(radius)))


def test_blur_and_enlarging_lower_the_sharpness_and_contrast_does_not():
    frame = blurred(tiles(), 1)
    small = Image.fromarray(frame).resize((100, 100), Image.Resampling.BOX).resize((400, 400), Image.Resampling.BICUBIC)
    faint = (frame.astype(np.float32) * 0.5 + 60).astype(np.uint8)
    sharp, twice, four, enlarged, pale = labels.sharpness(
        np.stack([frame, blurred(frame, 2), blurred(frame, 4), np.asarray(small), faint])
    )
    assert sharp > 1.8 * twice > 3.2 * four and enlarged < 0.75 * sharp
    assert pale == pytest.approx(sharp, rel=0.05)
    assert labels.sharpness(np.full((1, 64, 64, 3), 90, np.uint8))[0] == pytest.approx(0, abs=1e-4)


def test_only_the_middle_counts():
    frame = np.full((100, 100, 3), 100, np.uint8)
    framed = frame.copy()
    framed[:15] = framed[-15:] = 255
    assert labels.brightness(np.stack([frame, framed])) == pytest.approx([100 / 255] * 2, abs=1e-3)


class Scores:
    """Stands in for a graph: the mean level of the picture is the score of class 1, its opposite that of class 0."""

    input_shape = (1, 8, 8, 3)

    def __call__(self, image):
        assert image.shape == (8, 8, 3) and image.dtype == np.float32
        return [np.array([-image.mean(), image.mean(), -9.0], np.float32)]


@pytest.fixture
def classifier(tmp_path, monkeypatch):
    """Writes the JSON beside a graph that is not there, and opens both."""
    monkeypatch.setattr(emotion, "Graph", lambda path, threads, origin: Scores())

    def open_with(**about):
        (tmp_path / "c.json").write_text(json.dumps(about))
        return labels.EmotionReader(tmp_path / "c.tflite")

    return open_with


def test_emotions_are_mean_probabilities_in_our_order(classifier):
    read = classifier(classes=["neutral", "happy", "bored"], range=[-1, 1], logits=True)
    white, black = (np.full((13, 16, 16, 3), level, np.uint8) for level in (255, 0))
    expected = np.exp(1) / (np.exp(1) + np.exp(-1) + np.exp(-9))
    found, happy = read(white), EMOTIONS.index("happy")
    assert found.shape == (6,) and found[happy] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(np.delete(found, happy)).all(), "what the classifier does not know is absent, not zero"
    assert read(black)[0] == pytest.approx(np.exp(-1) / (np.exp(1) + np.exp(-1) + np.exp(-9)), abs=1e-6)


def test_a_classifier_that_does_not_fit_is_told(classifier, tmp_path):
    with pytest.raises(UserError, match="gives 3 scores and its JSON names 2 classes"):
        classifier(classes=["happy", "sad"], range=[0, 1], logits=False)
    with pytest.raises(UserError, match="names none of happy, sad"):
        classifier(classes=["a", "b", "c"], range=[0, 1], logits=False)
    with pytest.raises(UserError, match="does not describe a classifier"):
        classifier(classes=["happy"])
    (tmp_path / "c.json").unlink()
    with pytest.raises(UserError, match="does not describe a classifier"):
        labels.EmotionReader(tmp_path / "c.tflite")


def test_a_missing_graph_is_told_what_it_should_be(tmp_path):
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "c.json").write_text(json.dumps({"classes": ["happy"], "range": [0, 1], "logits": False}))
    with pytest.raises(UserError, match=r"no graph at .*c\.tflite; expected a TFLite graph from a face"):
        labels.EmotionReader(tmp_path / "c.tflite")
