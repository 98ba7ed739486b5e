"""From nothing to the first frame, each time in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = """
import time
start = time.perf_counter()
import json, sys
import vasa_jax
from vasa_jax import pretrained
from vasa_jax.inference.portrait import read_portrait
from vasa_jax.inference.speech_file import open_speech
portrait, speech = read_portrait(pretrained.portrait()), open_speech(pretrained.speech())
animator = vasa_jax.load(**json.loads(sys.argv[1]))
with animator.perform(portrait, speech) as frames:
    next(iter(frames))
    print(time.perf_counter() - start)
"""


def first_frames(checkpoint: Path, dtype: str, folder: Path) -> dict[str, float]:
    """Seconds from the first import to the first frame: without a compile cache, with one, by exported programs without
    and with one; with the default controls. The interpreter's own start is not in them.

    Args:
      folder: for caches and exported programs.
    """
    exported = folder / "exported"
    words = ["--checkpoint", str(checkpoint), "--out", str(exported), "--dtype", dtype]
    subprocess.run([sys.executable, "-m", "vasa_jax.export", *words], check=True, stdout=subprocess.DEVNULL)
    given = {"traced": {"checkpoint": str(checkpoint), "dtype": dtype}, "exported": {"exported": str(exported)}}
    found = {}
    for name, keywords in given.items():
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            found[f"{name}, cold"] = _seconds(keywords, cache)
            found[f"{name}, warm"] = _seconds(keywords, cache)
    return found


def _seconds(keywords: dict[str, str], cache: str) -> float:
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    words = [sys.executable, "-c", CODE, json.dumps(keywords)]
    return float(subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.split()[-1])
