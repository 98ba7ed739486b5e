"""The whole road at the published sizes: random weights in the published layout, converted, speak at 512x512."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from published_files import PUBLISHED_NETWORKS, publish

from vasa_jax.inference import command
from vasa_jax.open_weights import convert

FACE = Path(__file__).parents[1] / "inference/face.jpg"


@pytest.mark.slow
def test_random_weights_of_the_published_sizes_convert_and_speak(tmp_path, monkeypatch):
    for name in ("CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    folders = publish(tmp_path / "files", PUBLISHED_NETWORKS)
    out, speech, video = (str(tmp_path / name) for name in ("weights", "speech.wav", "talking.mp4"))
    convert.main([*(f"--{name}={folder}" for name, folder in folders.items()), f"--out={out}"])
    soundfile.write(speech, 0.2 * np.sin(np.arange(3200) * 0.1).astype(np.float32), 16_000)
    words = [f"--checkpoint={out}", f"--source={FACE}", f"--audio={speech}", f"--output={video}"]
    assert command.main([*words, "--steps=1", "--audio_cfg=1.8", "--gaze_cfg=0"]) == 0
    with av.open(video) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5 and frames[0].shape == (512, 512, 3)
    assert np.std(frames[0]) > 1
