"""What happens to speech on its way to the model: each disguise makes other speech of the same words.

Whisper, song and shout go through linear prediction: the mouth's filter stays, so that the lips should do the same, and
what excites it is another. Labels follow where time is changed.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import soxr
from jaxtyping import Float

from vasa_jax.evaluation.voices.speech import Speech
from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

Audio = Float[np.ndarray, " samples"]
ORDER, WINDOW, HOP = 18, 400, 160  # of the linear prediction: 25 ms every 10 ms
MELODY = (220.0, 247.0, 262.0, 330.0, 294.0, 262.0)  # Hz, a note each NOTE seconds
NOTE, VIBRATO, VIBRATO_HERTZ = 0.45, 0.03, 5.5


def noise(audio: Audio, generator: np.random.Generator) -> Audio:
    """Noise of the long-term spectrum of speech (falling by 6 dB an octave from 500 Hz), 10 dB below the speech."""
    spectrum = np.fft.rfft(generator.normal(size=len(audio)))
    hertz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    wave = np.fft.irfft(spectrum / np.maximum(hertz / 500, 1), len(audio))
    return audio + wave * _rms(audio) / _rms(wave) * 10 ** (-10 / 20)


def telephone(audio: Audio, generator: np.random.Generator) -> Audio:
    """300 to 3400 Hz, in 8 bits by the mu-law (ITU-T G.711)."""
    from scipy.signal import butter, sosfilt

    band = np.clip(sosfilt(butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE, output="sos"), audio), -1, 1)
    coded = np.round(np.sign(band) * np.log1p(255 * np.abs(band)) / np.log(256) * 127) / 127
    return np.sign(coded) * (256 ** np.abs(coded) - 1) / 255


def whisper(audio: Audio, generator: np.random.Generator) -> Audio:
    """Excited by noise alone, without its lowest part."""
    breathed = excited(audio, lambda count, voiced: generator.normal(size=count))
    return _peaked(np.diff(breathed, prepend=0.0), 0.3)


def song(audio: Audio, generator: np.random.Generator) -> Audio:
    """Vowels on the notes of MELODY with vibrato, at the pace of speech."""

    def excitation(count: int, voiced: np.ndarray) -> np.ndarray:
        time = np.arange(count) / SAMPLE_RATE
        pitch = np.array(MELODY)[(time / NOTE).astype(int) % len(MELODY)]
        pitch = pitch * (1 + VIBRATO * np.sin(2 * np.pi * VIBRATO_HERTZ * time))
        phase = np.cumsum(pitch) / SAMPLE_RATE
        pulses = np.diff(np.floor(phase), prepend=0.0) * np.sqrt(SAMPLE_RATE / pitch)
        return np.where(voiced, pulses, generator.normal(size=count))

    return _peaked(excited(audio, excitation), 0.9)


def shout(audio: Audio, generator: np.random.Generator) -> Audio:
    """Bright and overdriven: 6 dB an octave more from 500 Hz on, 20 dB louder, clipped."""
    hertz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    bright = np.fft.irfft(np.fft.rfft(audio) * np.maximum(hertz / 500, 1), len(audio))
    return np.clip(_peaked(bright, 1.0) * 10, -1, 1)


def tape(speech: Speech, speed: float) -> Speech:
    """Played at another speed: pitch and resonances of the voice go along, and so do the labels."""
    frames = int(len(speech.audio) / speed) // SAMPLES_PER_FRAME
    audio = soxr.resample(speech.audio, SAMPLE_RATE * speed, SAMPLE_RATE)[: frames * SAMPLES_PER_FRAME]
    audio = np.pad(audio, (0, frames * SAMPLES_PER_FRAME - len(audio)))
    phones, lips = speech.phones, speech.lip_opening
    if phones is not None:
        phones = tuple((label, start / speed, end / speed) for label, start, end in phones)
    if lips is not None:
        lips = np.interp((np.arange(frames) + 0.5) * speed - 0.5, np.arange(len(lips)), lips).astype(np.float32)
    return Speech(speech.name, audio.astype(np.float32), phones, lips)


def of_sound(disguise: Callable[[Audio, np.random.Generator], Audio]) -> Callable[[Speech], Speech]:
    """A change of the sound alone, the same each time, as one of the speech; silence stays silent."""

    def change(speech: Speech) -> Speech:
        if not np.abs(speech.audio).max() > 0:
            return speech
        audio = disguise(speech.audio.astype(np.float64), np.random.default_rng(0))
        return dataclasses.replace(speech, audio=np.clip(audio, -1, 1).astype(np.float32))

    return change


DISGUISES: dict[str, Callable[[Speech], Speech]] = {
    "as it is": lambda speech: speech,
    "noise 10 dB below": of_sound(noise),
    "telephone": of_sound(telephone),
    "a quarter faster and higher": lambda speech: tape(speech, 1.25),
    "a fifth slower and lower": lambda speech: tape(speech, 0.8),
    "whispered": of_sound(whisper),
    "sung": of_sound(song),
    "shouted": of_sound(shout),
}


def excited(audio: Audio, excitation: Callable[[int, np.ndarray], np.ndarray]) -> Audio:
    """The audio's filter, estimated by linear prediction every 10 ms, with another excitation.

    Args:
      excitation: count, voiced (count,) bool -> samples of about unit variance; voiced is where most of the power lies
        below 1 kHz.
    """
    from scipy.linalg import solve_toeplitz
    from scipy.signal import lfilter

    window = np.hanning(WINDOW + 1)[:-1]
    padded = np.pad(audio, (WINDOW, WINDOW))
    starts = range(0, len(padded) - WINDOW, HOP)
    frames = np.stack([padded[start : start + WINDOW] for start in starts]) * window
    voiced = np.repeat([_is_voiced(frame) for frame in frames], HOP)
    voiced = np.pad(voiced, (0, max(len(padded) - len(voiced), 0)))[: len(padded)]
    source, result = excitation(len(padded), voiced), np.zeros(len(padded))
    for start, frame in zip(starts, frames, strict=True):
        lags = np.correlate(frame, frame, "full")[WINDOW - 1 : WINDOW + ORDER]
        if lags[0] < 1e-6:
            continue
        lags[0] *= 1 + 1e-4  # as if there were a little white noise, which keeps the filter stable
        filter_ = solve_toeplitz(lags[:-1], lags[1:])
        gain = np.sqrt(max(lags[0] - filter_ @ lags[1:], 0) / (window**2).sum())
        piece = lfilter([gain], [1, *-filter_], source[start : start + WINDOW])
        result[start : start + WINDOW] += piece * window * HOP / window.sum()
    return result[WINDOW:-WINDOW]


def _is_voiced(frame: np.ndarray) -> bool:
    power = np.abs(np.fft.rfft(frame)) ** 2
    return bool(power[: len(power) // 8].sum() > 0.5 * power.sum())


def _peaked(audio: Audio, peak: float) -> Audio:
    return audio * peak / max(np.abs(audio).max(), 1e-9)


def _rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio**2)))
