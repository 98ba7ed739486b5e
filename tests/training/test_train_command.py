import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def train(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "train.py", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--config=nowhere.py", "--workdir=x"], "nowhere.py"),
        (["--config=configs/face_tiny.py"], "workdir"),
        (["--config=configs/face_tiny.py", "--workdir=x", "--config.batchsize=3"], "batchsize"),
        (["--config=configs/face_tiny.py", "--workdir=x", "--config.data.clips=nowhere"], "no clip set in nowhere"),
    ],
)
def test_mistakes_are_one_line_and_status_2(arguments, says, tmp_path):
    arguments = [a.replace("=configs", f"={ROOT}/configs").replace("=x", f"={tmp_path}") for a in arguments]
    done = train(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("train.py: ")
    assert says in done.stderr
