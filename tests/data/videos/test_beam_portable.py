"""The work goes to a cluster by a job service, as Flink and Spark have one: here Beam's own, a process beside this."""

import functools
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys import SIZE, make_video_record

from vasa_jax.data import clip_file, clips
from vasa_jax.data.videos.builder import Entry
from vasa_jax.data.videos.engine import Engine
from vasa_jax.data.videos.run import write_set
from vasa_jax.data.videos.settings import Settings

pytestmark = pytest.mark.slow
SERVICE = "apache_beam.runners.portability.local_job_service_main"
PATIENCE = 120  # seconds until it listens


@pytest.fixture(scope="module")
def flags(tmp_path_factory) -> list[str]:
    """Of a running job service; its workers run in this process, as --environment_type=LOOPBACK has it."""
    pytest.importorskip("apache_beam")
    folder = tmp_path_factory.mktemp("service")
    port = folder / "port"
    command = [sys.executable, "-m", SERVICE, "--port=0", f"--port_file={port}", f"--staging_dir={folder / 'staged'}"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as service:
        for _ in range(10 * PATIENCE):
            if (port.exists() and port.read_text().strip()) or service.poll() is not None:
                break
            time.sleep(0.1)
        assert service.poll() is None, (folder / "log").read_text()
        endpoint = f"--job_endpoint=localhost:{port.read_text().strip()}"
        yield ["--runner=PortableRunner", endpoint, "--environment_type=LOOPBACK"]
        service.terminate()


def touch(name: str, folder: str) -> None:
    (Path(folder) / name).touch()


def test_work_is_spread_and_shards_are_written(flags, tmp_path):
    engine, names = Engine(flags), [f"c{number}" for number in range(5)]
    engine.map("touch", functools.partial(touch, folder=str(tmp_path)), names)
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    (tmp_path / "set").mkdir()
    entries = []
    for number, name in enumerate(names):
        file = tmp_path / f"{name}.npz"
        clip_file.store(file, make_video_record(number) | {"clip": name})
        entries.append(Entry(name, str(file), file.stat().st_size, {"identity": f"p{number}"}))
    write_set(tmp_path / "set", Settings("", size=SIZE), {"train": entries[:3], "validation": entries[3:]}, engine)
    found = [clips.open_clips(tmp_path / "set", split) for split in ("train", "validation")]
    assert [len(source) for source in found] == [3, 2]
    people = {clips.text(source[i]["identity"]) for source in found for i in range(len(source))}
    assert people == {f"p{number}" for number in range(5)}
