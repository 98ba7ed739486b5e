"""Own recordings, disguises and other programs' voices: labels stay true, and the lips are held against them."""

import json
import shutil
from ctypes.util import find_library

import numpy as np
import pytest
import soundfile
from toys import make_record

from vasa_jax.data import array_records, clips
from vasa_jax.errors import UserError
from vasa_jax.evaluation.voices import __main__ as command
from vasa_jax.evaluation.voices import disguises, measures, programs
from vasa_jax.evaluation.voices.alignment import align
from vasa_jax.evaluation.voices.speech import Speech, read_clips, read_folder
from vasa_jax.types import SAMPLES_PER_FRAME

RATE = 16_000


def vowel(hertz=120.0, seconds=1.0, formants=((700, 80), (1200, 90), (2600, 120))) -> np.ndarray:
    """Pulses through resonances (Hz, width in Hz)."""
    from scipy.signal import lfilter

    time = np.arange(int(RATE * seconds)) / RATE
    wave = np.diff(np.floor(time * hertz), prepend=0.0)
    for centre, width in formants:
        radius = np.exp(-np.pi * width / RATE)
        wave = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], wave)
    return wave / np.abs(wave).max() * 0.5


@pytest.fixture(scope="module")
def speech() -> Speech:
    """A second of AA, half a second of silence as P, half a second of IY."""
    audio = np.concatenate([vowel(), np.zeros(RATE // 2), vowel(150, 0.5, ((300, 60), (2300, 90)))])
    phones = (("AA", 0.0, 1.0), ("P", 1.0, 1.5), ("IY", 1.5, 2.0))
    lips = np.repeat([0.1, 0.0, 0.05], [25, 13, 12]).astype(np.float32)
    return Speech("toy", audio.astype(np.float32), phones, lips)


def envelope(audio: np.ndarray) -> np.ndarray:
    """Log power in 20 bands, over all of it."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    return np.log([band.mean() for band in np.array_split(power[: len(power) // 2], 20)])


@pytest.mark.parametrize("name", disguises.DISGUISES)
def test_disguises_keep_the_speech_and_its_labels(speech, name):
    disguised = disguises.DISGUISES[name](speech)
    speed = {"a quarter faster and higher": 1.25, "a fifth slower and lower": 0.8}.get(name, 1.0)
    assert len(disguised.audio) == len(disguised.lip_opening) * SAMPLES_PER_FRAME
    assert len(disguised.lip_opening) == int(50 / speed) and np.abs(disguised.audio).max() <= 1
    assert (name == "as it is") == np.array_equal(disguised.audio, speech.audio)
    np.testing.assert_array_equal(disguised.audio, disguises.DISGUISES[name](speech).audio)
    label, start, end = disguised.phones[1]
    assert (label, start, end) == ("P", 1 / speed, 1.5 / speed)
    middle = int((start + end) / 2 * 25)
    assert disguised.lip_opening[middle] == pytest.approx(0, abs=1e-6)
    quiet, loud = (np.abs(disguised.audio[int(t * RATE) :][: RATE // 10]).mean() for t in (start + 0.1, start - 0.3))
    assert quiet < (0.5 if name.startswith("noise") else 0.05) * loud
    silent = Speech("silent", np.zeros(640, np.float32))
    assert not disguises.DISGUISES[name](silent).audio.any()


def test_whisper_and_song_keep_the_mouth_and_change_the_voice(speech):
    aah = speech.audio[2000:14_000].astype(np.float64)

    def harmonic(audio, hertz, width=8):
        """Share of the power below 1 kHz that lies within some Hz of the multiples of a pitch."""
        power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
        at = np.fft.rfftfreq(len(audio), 1 / RATE)
        low = (at > 60) & (at < 1000)
        near = np.abs((at + hertz / 2) % hertz - hertz / 2) < width
        return power[low & near].sum() / power[low].sum()

    generator = np.random.default_rng(0)
    whispered, sung = disguises.whisper(aah, generator), disguises.song(aah, generator)
    assert harmonic(aah, 120) > 0.9 and harmonic(whispered, 120) < 0.4
    notes = [harmonic(audio[:6500], disguises.MELODY[0], 30) for audio in (sung, aah)]
    assert notes[0] > 0.8 > 0.4 > notes[1]
    tilted = np.diff(aah, prepend=0.0)  # as whispering is
    assert np.corrcoef(envelope(whispered), envelope(tilted))[0, 1] > 0.8
    assert np.corrcoef(envelope(sung), envelope(aah))[0, 1] > 0.8


def test_noise_is_10_db_below_and_a_telephone_is_narrow():
    audio, generator = vowel(), np.random.default_rng(0)
    added = disguises.noise(audio, generator) - audio
    assert 10 * np.log10(np.mean(audio**2) / np.mean(added**2)) == pytest.approx(10, abs=0.01)
    spectrum = np.abs(np.fft.rfft(disguises.telephone(audio, generator))) ** 2
    hertz = np.fft.rfftfreq(len(audio), 1 / RATE)
    assert spectrum[(hertz > 3600) | (hertz < 200)].sum() < 0.01 * spectrum.sum()


def test_lips_are_held_against_what_is_known(speech):
    found = measures.measure(speech, speech.lip_opening)
    assert found["lips"] == pytest.approx(1) and found["with_energy"] > 0.5
    assert found["vowels"] == pytest.approx(0.0833, abs=0.01) and found["closed"] < 0.005 and found["made"] == 1
    gaping = measures.measure(Speech("x", speech.audio, speech.phones), np.full(50, 0.1, np.float32))
    assert gaping["made"] == 0 and np.isnan(gaping["with_energy"]) and "lips" not in gaping
    assert list(measures.measure(Speech("y", speech.audio), speech.lip_opening)) == ["with_energy"]
    assert found["made_by_chance"] == pytest.approx(1 / 3)
    both = measures.mean([{"made": 1.0, "events": 1.0, "lips": 0.4}, {"made": 0.0, "events": 3.0, "with_energy": 0.2}])
    assert both == {"made": 0.25, "events": 4.0, "lips": 0.4, "with_energy": 0.2}
    assert "| toy | 0.40 |  |  | 25% |  | 4 | 0.20 |" in measures.markdown({"toy": both}, "read from")


def test_a_folder_of_recordings(tmp_path, speech):
    soundfile.write(tmp_path / "b.wav", speech.audio, RATE)
    soundfile.write(tmp_path / "a.flac", np.repeat(speech.audio[:, None], 2, 1), RATE)
    (tmp_path / "b.json").write_text(json.dumps(speech.phones))
    first, second = read_folder(tmp_path)
    assert (first.name, first.phones) == ("a", None) and second.phones == speech.phones
    np.testing.assert_allclose(second.audio, speech.audio, atol=1e-3)
    (tmp_path / "b.json").write_text('{"AA": 1}')
    with pytest.raises(UserError, match=r"not a list of \[label, start, end\]: .*b.json"):
        read_folder(tmp_path)
    with pytest.raises(UserError, match=r"no sound files in .*; give a folder of \.wav"):
        read_folder(tmp_path / "none")


def test_talks_of_a_clip_set(tmp_path):
    records = [("a", make_record(0)), ("b", make_record(1, "range")), ("c", make_record(2))]
    array_records.write_set(tmp_path / "set", "toy", clips.clip_features(16), {"test": records})
    found = list(read_clips(tmp_path / "set", "test"))
    assert [speech.name for speech in found] == ["clip0", "clip2"]
    assert len(list(read_clips(tmp_path / "set", "test", 1))) == 1
    assert found[0].phones[1] == ("AA", pytest.approx(0.2), pytest.approx(0.6))
    np.testing.assert_array_equal(found[1].lip_opening, records[2][1]["lip_opening"])


@pytest.fixture
def spoken():
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    return programs.flite_voice("slt")


def test_alignment_finds_the_phones_of_a_voice_that_tells_them(spoken):
    """Against flite's exact times: the phones that both have in the same order lie within 30 ms of each other."""
    pytest.importorskip("pocketsphinx")
    found = [phone for phone in align(spoken.audio, programs.TEXTS["en"]) if phone[0] in "PBM"]
    true = [phone for phone in spoken.phones if phone[0] in "PBM"]
    assert [label for label, *_ in found] == [label for label, *_ in true] and len(true) > 10
    apart = [abs((a + b) - (c + d)) / 2 for (_, a, b), (_, c, d) in zip(found, true, strict=True)]
    assert np.median(apart) < 0.03


def test_words_that_cannot_be_aligned(tmp_path, speech):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(UserError, match="the word 'xqzy' is in no dictionary: spell it otherwise, or give the phones"):
        align(speech.audio, "hello xqzy")
    with pytest.raises(UserError, match="there are no words to align"):
        align(speech.audio, "...")
    soundfile.write(tmp_path / "a.wav", speech.audio[:3200], RATE)
    (tmp_path / "a.txt").write_text("a long sentence that nobody can say in so short a time as there is")
    with pytest.raises(UserError, match=r"the words cannot be found in the recording: .*a.txt"):
        read_folder(tmp_path)


@pytest.mark.skipif(find_library("espeak-ng") is None, reason="espeak-ng is not installed")
def test_another_language_tells_its_phones():
    german = programs.espeak_voice("de")
    labels = [label for label, *_ in german.phones]
    assert labels[0] == "M" and labels.count("M") == 8 and labels.count("AA") > 15
    assert {"P", "B", "T", "SIL"} <= set(labels)
    assert len(german.audio) % SAMPLES_PER_FRAME == 0 and german.phones[-1][2] <= len(german.audio) / RATE
    vowels = [german.audio[int(a * RATE) : int(b * RATE)] for label, a, b in german.phones if label == "AA"]
    assert min(np.abs(vowel).mean() for vowel in vowels) > 0.01
    with pytest.raises(UserError, match="there is no text in 'xx'; there are en, de"):
        programs.espeak_voice("xx")


def test_mistakes_are_one_line_and_status_2(tmp_path, capsys):
    out = str(tmp_path / "out")
    for words, message in (
        ([], "nothing to hear: give --speech_folder, --clips, --flite or --languages"),
        (["--speech_folder", str(tmp_path)], f"no sound files in {tmp_path}; give a folder of"),
        (["--languages", "xx"], "there is no text in 'xx'"),
    ):
        assert command.main(["--out", out, *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"voices: {message}") and error.count("\n") == 1


@pytest.mark.slow
def test_the_whole_command_on_the_shipped_weights(tmp_path, speech, capsys):
    folder = tmp_path / "own"
    folder.mkdir()
    soundfile.write(folder / "toy.wav", speech.audio, RATE)
    (folder / "toy.json").write_text(json.dumps(speech.phones))
    assert command.main(["--speech_folder", str(folder), "--out", str(tmp_path / "out"), "--steps", "2"]) == 0
    report = json.loads((tmp_path / "out" / "voices.json").read_text())
    assert report["means"]["motion"]["own"]["events"] == 1 and report["recordings"]["motion"]["own"][0]["name"] == "toy"
    assert "| own |" in (tmp_path / "out" / "voices.md").read_text()
