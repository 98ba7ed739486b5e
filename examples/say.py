"""A portrait says what is typed: `python examples/say.py "Good morning."` while `python -m vasa_jax.serve` runs.

Any program that makes a WAV file of words will do; espeak-ng and flite are looked for here. Writes talking.mp4.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

PROGRAMS = {"espeak-ng": ("-w", "{file}", "{words}"), "flite": ("-t", "{words}", "-o", "{file}")}


def spoken(words: str) -> bytes:
    """A WAV file of the words, by the first program that is installed."""
    program = next((name for name in PROGRAMS if shutil.which(name)), None)
    if program is None:
        sys.exit(f"install one of {', '.join(PROGRAMS)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        subprocess.run([program, *(part.format(file=file, words=words) for part in PROGRAMS[program])], check=True)
        return file.read_bytes()


fields = {
    "speech": ("speech.wav", spoken(" ".join(sys.argv[1:]))),
    "portrait": (None, "bundled"),  # or ("me.jpg", open("me.jpg", "rb"))
    "consent": (None, "nobody is shown: the portrait is computer-made"),
    "steps": (None, "10"),
}
answer = requests.post("http://localhost:7860/api/animate", files=fields, timeout=600)
if not answer.ok:
    sys.exit(answer.json()["error"])
Path("talking.mp4").write_bytes(answer.content)
print("talking.mp4: run", answer.headers["x-vasa-jax-run"])
