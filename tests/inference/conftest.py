"""A released checkpoint of the smallest networks with random weights, and files to animate."""

from fractions import Fraction

import av
import jax
import numpy as np
import pytest
import soundfile
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from PIL import Image

from vasa_jax import checkpoint as checkpoints
from vasa_jax.checkpoint import Checkpoint, Models
from vasa_jax.compile_cache import enable_compile_cache
from vasa_jax.inference import face_programs
from vasa_jax.models import init_motion
from vasa_jax.motion import build_motion

COMPILED = "/jax/core/compile/backend_compile_duration"
ENCODER = {"kind": "compact", "widths": [4, 8], "input_size": 16}
FACE = {
    "image_size": 32,
    "view": "unrolled",
    "view_size": 16,
    "fused_warps": True,
    "pose_encoder": {**ENCODER, "outputs": 7},
    "dynamics_encoder": {**ENCODER, "outputs": 6},
    "identity_encoder": {**ENCODER, "outputs": 8, "map_size": 4},
    "appearance_encoder": {"widths": [4, 8, 8], "depth": 2, "channels": 4, "blocks_3d": 1},
    "warp": {"size": [2, 8, 8], "seed": [1, 4], "widths": [8, 4], "reach": 0.5, "linear": True},
    "refiner": {"down": [4], "up": [4]},
    "renderer": {
        "width": 8,
        "blocks": 1,
        "ups": [8],
        "final_block": 2,
        "modulated": True,
        "warped_source": True,
    },
}
MOTION = {
    "motion_size": 13,
    "feature_size": 8,
    "width": 16,
    "layers": 1,
    "heads": 2,
    "feedforward": 16,
    "window": 10,
    "history": 2,
}
SPEECH = {"feature_size": 8, "width": 8, "fast_dilations": [1], "slow_dilations": [1]}
STUDENT = {"steps": 2, "guidance": {"audio": 2.0, "gaze": 1.5}}  # and its model
CONFIG = {
    "format": 1,
    "name": "random",
    "face": FACE,
    "motion": MOTION,
    "speech": SPEECH,
    "statistics": {
        "mean": [0.0] * 6 + [1.0] + [0.0] * 6,
        "std": [0.1] * 7 + [1.0] * 6,
        "distance": {"mean": 1.1},
    },
}


def random_params(models: Models) -> dict:
    """Weights that make every input count, without compiling an initialiser."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        noise = rng.normal(size=leaf.shape).astype(np.float32)
        if path[-1].key == "kernel":
            return noise / np.float32(np.sqrt(np.prod(leaf.shape[:-1])))
        return 0.1 * noise + (path[-1].key in ("scale", "gain"))

    return jax.tree_util.tree_map_with_path(fill, jax.eval_shape(models.init, jax.random.key(0)))


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory):
    """One compile cache for all tests of this room, so that commands share programs; not the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    before = jax.config.jax_compilation_cache_dir
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
        jax.config.update("jax_compilation_cache_dir", None)
        enable_compile_cache()
        yield folder
    jax.config.update("jax_compilation_cache_dir", before)
    reset_cache()


@pytest.fixture(scope="module", autouse=True)
def unmarked(tmp_path_factory):
    """Frames are compared here, so they come without the mark, whose tests are in tests/provenance; files are signed
    with a key made for the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_programs, "put_mark", lambda images, pattern, signs: images)
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
        yield


@pytest.fixture(scope="session")
def random_checkpoint() -> Checkpoint:
    return Checkpoint(CONFIG, random_params(Models.build(CONFIG)))


@pytest.fixture(scope="session")
def with_student(random_checkpoint):
    """A student that is its teacher, but for what the told scales add."""
    model = {**random_checkpoint.config["motion"], "told": ["audio", "gaze"]}
    shapes = jax.eval_shape(lambda: init_motion(build_motion(model), jax.random.key(0)))
    random = np.random.default_rng(3)
    told = {name: shapes[name] for name in ("told_first", "told_last")}
    told = jax.tree.map(lambda x: random.normal(size=x.shape).astype(np.float32), told)
    config = {**random_checkpoint.config, "student": {"model": model, **STUDENT}}
    student = {**random_checkpoint.params["motion"], **told}
    return Checkpoint(config, {**random_checkpoint.params, "student": student})


@pytest.fixture(scope="session")
def checkpoint_folder(random_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoints.save(folder, random_checkpoint)
    return folder


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """No face, but a different colour everywhere."""
    rows, columns = np.mgrid[0:90, 0:120]
    return np.stack([2 * rows, 2 * columns, 255 - rows - columns], -1).astype(np.uint8)


@pytest.fixture
def portrait_file(picture, tmp_path):
    path = tmp_path / "portrait.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="session")
def tone() -> np.ndarray:
    """1.01 s of sound at 16 kHz: 25 whole frames and a part of one."""
    return 0.3 * np.sin(np.arange(16_160) * 0.05).astype(np.float32)


@pytest.fixture
def speech_file(tone, tmp_path):
    path = tmp_path / "speech.wav"
    soundfile.write(path, tone, 16_000)
    return path


@pytest.fixture
def compiled():
    """The programs that were compiled since the test began."""
    programs = []

    def listen(event, seconds, **_):
        if event == COMPILED:
            programs.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield programs
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def write_clip(tmp_path):
    """Writes frames (T, H, W, 3) at a rate, and mono sound at 16 kHz if there is any, to a video of that name."""

    def write(name, frames, fps, sound=None, sound_start=0.0, **options):
        path = tmp_path / name
        with av.open(path, "w", options=options) as container:
            video = container.add_stream("h264", rate=fps, options={"crf": "10"})
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = "yuv420p"
            track = None if sound is None else container.add_stream("aac", rate=16_000, layout="mono")
            for index, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts = index
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if track is not None:
                heard = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
                heard.sample_rate, heard.time_base = 16_000, Fraction(1, 16_000)
                heard.pts = round(sound_start * 16_000)
                container.mux(track.encode(heard))
                container.mux(track.encode(None))
        return path

    return write
