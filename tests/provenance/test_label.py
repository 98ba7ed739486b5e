"""The label: large enough, long enough, where it was asked for, and gone when it was."""

import numpy as np
import pytest

from vasa_jax.errors import UserError
from vasa_jax.provenance.label import SECONDS, WORDS, Label, draw, labelled

GREY = np.full((200, 300, 3), 120, np.uint8)


def changed(label, words):
    return (draw(GREY, label, words) != GREY).any(-1)


def letters(label, words):
    """Rows in which the letters are."""
    return np.nonzero((draw(GREY, label, words) > 240).any((1, 2)))[0]


def test_words_at_the_start_and_the_corner_throughout():
    shown = np.stack(list(labelled([GREY] * 100, Label(), (300, 200), 25)))
    bottom, corner = (shown != GREY)[:, 120:].any((1, 2, 3)), (shown != GREY)[:, :60, 200:].any((1, 2, 3))
    assert SECONDS >= 2 and bottom[: round(25 * SECONDS)].all() and not bottom[round(25 * SECONDS) :].any()
    assert corner.all() and not (shown != GREY)[:, :60, :100].any()


@pytest.mark.parametrize("shape", [(128, 128), (256, 256), (512, 512), (200, 300), (300, 200)])
def test_letters_are_a_twentieth_of_the_short_side(shape):
    grey = np.full((*shape, 3), 120, np.uint8)
    plain = Label("AI")  # capitals alone
    for words in (True, False):
        rows = np.nonzero((draw(grey, plain, words) > 200).any((1, 2)))[0]
        top = rows[rows < shape[0] // 2]
        assert top[-1] - top[0] + 1 >= 0.05 * min(shape)
    rows = np.nonzero((draw(grey, plain, True) > 200).any((1, 2)))[0]
    assert rows[-1] - rows[rows > shape[0] // 2][0] + 1 >= 0.05 * min(shape)


def test_places_are_on_opposite_sides():
    below, above = changed(Label(place="bottom"), True), changed(Label(place="top"), True)
    assert below[150:, 100:200].any() and above[:50, 100:200].any() and not above[150:, :150].any()
    assert changed(Label(place="top"), False)[150:].any()


def test_none_takes_it_away():
    shown = list(labelled([GREY], Label("none"), (300, 200), 25))
    np.testing.assert_array_equal(shown[0], GREY)


def test_what_it_says():
    assert Label().words == "AI-generated" and Label(language="de").words == "KI-generiert"
    assert Label(language="fr").corner_words == "IA" and Label("Made up").words == "Made up"
    assert not np.array_equal(draw(GREY, Label("One"), True), draw(GREY, Label("Two"), True))


def test_every_language_that_the_own_font_has():
    drawn = [language for language in WORDS if language not in ("ja", "ko", "zh")]
    for language in drawn:
        assert changed(Label(language=language), True).any()
    for language in ("ja", "ko", "zh"):
        with pytest.raises(UserError, match="name a font file that has it by --label_font"):
            Label(language=language)


def test_a_long_label_fits():
    mask = changed(Label("W" * 60), True)
    assert mask.any() and not mask[:, :5].any() and not mask[100:, -5:].any()


def test_mistakes():
    for wrong, message in (
        ({"place": "left"}, "the label's place is top or bottom, not 'left'"),
        ({"language": "xx"}, "no words for the language 'xx'"),
        ({"text": " "}, "the label is 1 to 60 letters long, or none"),
        ({"font": "/none.ttf"}, "not a font that can be read: /none.ttf"),
    ):
        with pytest.raises(UserError, match=message):
            Label(**wrong)
