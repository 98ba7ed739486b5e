"""What the sound holds: where somebody speaks, and how much of it is music. Plain signal processing, no network."""

import numpy as np
from jaxtyping import Bool, Float

from vasa_jax.types import SAMPLE_RATE, SAMPLES_PER_FRAME

VOICE_BAND = (150.0, 4000.0)  # Hz
SILENCE = 1e-3  # root mean square in the band of full scale 1: below it nobody speaks
LIVELY = 4.0  # speech rises and falls by this factor at least; a steady sound is none
RANGE = 100.0  # and what is quieter than its loud parts by this factor is silence
THRESHOLD = 0.25  # of the way from the quiet to the loud level, in logarithms
HANGOVER = 4  # frames: pauses of up to twice as many belong to the speech around them

WINDOW, HOP = 2048, 512  # samples: 8 Hz and 32 ms
TONE_BAND = (250.0, 4500.0)  # Hz: above hum, and above where a voice's own tones stand close together
PEAK = 3.0  # a tone's power over the mean of the NEIGHBOURHOOD bins around it
NEIGHBOURHOOD = 31
STEADY = 8  # hops that a tone stays in its bin, a quarter of a second: those of a voice glide away sooner
MUSIC = 0.2  # share from which on a clip has music


def speech_activity(audio: Float[np.ndarray, " samples"]) -> Bool[np.ndarray, " time"]:
    """Whether somebody speaks in each of the T = samples // 640 frames: by loudness between 150 and 4000 Hz.

    A frame is speech above a threshold between the quiet (a tenth) and the loud (nineteen twentieths) level of the
    clip, which is there only if these two lie far apart: silence, hum and steady noise are no speech. What else rises
    and falls, a dog or music, counts as speech; see `music_share`.

    Args:
      audio: 16 kHz in [-1, 1].
    """
    level = np.log(_levels(audio) + 1e-6)
    if not len(level):
        return np.zeros(0, bool)
    loud = np.quantile(level, 0.95)
    quiet = max(np.quantile(level, 0.1), loud - np.log(RANGE))
    if loud < np.log(SILENCE) or loud - quiet < np.log(LIVELY):
        return np.zeros(len(level), bool)
    heard = level > quiet + THRESHOLD * (loud - quiet)
    around = np.ones(2 * HANGOVER + 1)
    widened = np.convolve(heard, around)[HANGOVER:-HANGOVER] > 0
    return np.convolve(~widened, around)[HANGOVER:-HANGOVER] == 0 if widened.any() else widened


def music_share(audio: Float[np.ndarray, " samples"]) -> float:
    """Share of the sounding time in which some tone holds still, in [0, 1]: music, under speech too; from MUSIC on.

    After the continuous frequency activation of Seyerlehner, Pohle, Schedl and Widmer (DAFx 2007): notes draw level
    bars into a spectrogram, a voice's harmonics glide. Blind to drums alone, to vibrato and to quick runs; a whistle or
    the whine of a machine counts as music. NaN for silence.

    Args:
      audio: 16 kHz in [-1, 1].
    """
    if len(audio) < WINDOW:
        return float("nan")
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32))) ** 2
    low, high = (round(edge * WINDOW / SAMPLE_RATE) for edge in TONE_BAND)
    sums = np.cumsum(np.pad(power, ((0, 0), (1, 0))), 1)
    half = NEIGHBOURHOOD // 2
    bins = np.arange(low, high)
    mean = (sums[:, bins + half + 1] - sums[:, bins - half]) / NEIGHBOURHOOD
    here = power[:, low:high]
    peaks = (here > power[:, low - 1 : high - 1]) & (here > power[:, low + 1 : high + 1]) & (here > PEAK * mean)
    level = here.sum(1)
    sounding = level > max(1e-3 * np.quantile(level, 0.95), (SILENCE * WINDOW) ** 2 / 8)
    return float(_holding(peaks)[sounding].mean()) if sounding.any() else float("nan")


def _holding(peaks: np.ndarray) -> np.ndarray:
    """(hops,) whether any bin of (hops, bins) is on in a run of STEADY hops or more around each hop."""
    if len(peaks) < STEADY:
        return np.zeros(len(peaks), bool)
    runs = np.lib.stride_tricks.sliding_window_view(peaks, STEADY, 0).all(-1).any(1)
    return np.convolve(runs, np.ones(STEADY)) > 0


def _levels(audio: np.ndarray) -> np.ndarray:
    """(T,) root mean square of each whole frame within VOICE_BAND."""
    count = len(audio) // SAMPLES_PER_FRAME
    window = np.hanning(SAMPLES_PER_FRAME)  # else a hum below the band leaks into it
    spectrum = np.fft.rfft(audio[: count * SAMPLES_PER_FRAME].reshape(count, SAMPLES_PER_FRAME) * window)
    hertz = np.fft.rfftfreq(SAMPLES_PER_FRAME, 1 / SAMPLE_RATE)
    power = np.abs(spectrum[:, (hertz >= VOICE_BAND[0]) & (hertz < VOICE_BAND[1])]) ** 2
    return np.sqrt(2 * power.sum(1) / (window**2).sum() / SAMPLES_PER_FRAME)
