"""Toys for tests of data and training: random clips, and a face model that compiles in a moment."""

import io
from types import SimpleNamespace

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from vasa_jax.data import array_records, clips
from vasa_jax.face.critic import Critic
from vasa_jax.training.face_terms import Judges
from vasa_jax.types import SAMPLES_PER_FRAME, Appearance, HeadPose, Motion

SIZE, FRAMES = 16, 24

# The real networks at their smallest.
ENCODER = {"kind": "compact", "widths": [4, 4], "hidden": 4, "input_size": 16}
FACE = {
    "image_size": SIZE,
    "view_size": 16,
    "pose_encoder": {**ENCODER, "outputs": 7},
    "dynamics_encoder": {**ENCODER, "outputs": 5},
    "identity_encoder": {**ENCODER, "outputs": 4, "map_size": 2},
    "appearance_encoder": {"widths": [8, 8], "depth": 2, "channels": 8, "blocks_3d": 0},
    "warp": {"size": [2, 8, 8], "seed": [2, 2], "widths": [8, 8, 8]},
    "refiner": {"down": [8], "up": [8]},
    "renderer": {"width": 8, "blocks": 1, "ups": [8]},
}
CRITIC = Critic((4, 8), scales=1)
SPEECH = {"feature_size": 6, "width": 8, "fast_dilations": [1], "slow_dilations": [1]}


def make_record(index: int, kind: str = "talk") -> dict:
    """A clip whose frame t is one shade that tells t, and whose labels tell t as well."""
    generator = np.random.default_rng(index)
    numbers = generator.normal(size=(FRAMES, 57)).astype(np.float32) * 0.3
    pose = numbers[:, :7] * 0.2 + np.array([0, 0, 0, 0, 0, 0, 1], np.float32)
    times = np.arange(FRAMES, dtype=np.float32)
    return {
        **{name: f"{name}{index}" for name in ("clip", "identity", "speaker", "text")},
        "kind": kind,
        "frames": [encode(shade(t)) for t in range(FRAMES)],
        "audio": generator.uniform(-0.5, 0.5, FRAMES * SAMPLES_PER_FRAME).astype(np.float32),
        "pose": pose,
        "gaze": numbers[:, 7:9],
        "expression": numbers,
        "landmarks": generator.uniform(-0.5, 0.5, (FRAMES, 68, 2)).astype(np.float32),
        "distance": np.ones(FRAMES, np.float32),
        "lip_opening": numbers[:, 0] + 0.1 * np.sin(times),
        "emotion": np.zeros(6, np.float32),
        "phones": {"label": ["SIL", "AA", "M"], "start": [0.0, 0.2, 0.6], "end": [0.2, 0.6, FRAMES / 25]},
    }


def make_video_record(index: int) -> dict:
    """The same, as it comes from a video."""
    from vasa_jax.data.videos import record

    known = {
        "clip": f"c{index}",
        "video": f"v{index}.mp4",
        "start": 0.0,
        "square": np.ones(3, np.float32),
        "box": np.zeros((FRAMES, 4), np.float32),
        "eye_openness": np.zeros(FRAMES, np.float32),
        "speech": np.ones(FRAMES, bool),
        **dict.fromkeys(("sharpness", "brightness", "audio_offset", "audio_offset_confidence"), 0.0),
        "sources": {"label": ["pose"], "source": ["a test"]},
    }
    return {**make_record(index), **record.blank(FRAMES), **known}


def shade(frame: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), 8 * frame, np.uint8)


def encode(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


@pytest.fixture(scope="session")
def clip_set(tmp_path_factory):
    """A folder with three talk clips and one range clip for training, two talk clips for validation."""
    folder = tmp_path_factory.mktemp("clips")
    kinds = {"train": ("talk", "talk", "talk", "range"), "validation": ("talk", "talk")}
    splits = {
        split: [(f"{split}{i}", make_record(10 * len(split) + i, kind)) for i, kind in enumerate(names)]
        for split, names in kinds.items()
    }
    array_records.write_set(folder, "toy", clips.clip_features(SIZE), splits)
    return folder


class ToyFace(nn.Module):
    """The methods of FaceModel in a few dense layers."""

    image_size: int = SIZE
    dynamics_size: int = 4

    def setup(self):
        self.look = nn.Dense(7 + self.dynamics_size)
        self.keep, self.draw, self.read = nn.Dense(8), nn.Dense(SIZE * SIZE * 3), nn.Dense(57)

    def motion(self, image, seen_pose=None):
        code = self.look(image.reshape(image.shape[0], -1)) * 0.1
        return Motion(HeadPose.from_vector(code[:, :7] + jnp.eye(7)[6]), code[:, 7:])

    def pose(self, image):
        return self.motion(image).pose

    def dynamics(self, image, seen_pose):
        return self.motion(image, seen_pose).dynamics

    def appearance(self, image, motion):
        kept = self.keep(jnp.concatenate([image.reshape(image.shape[0], -1), motion.vector], -1))
        return Appearance(kept[:, None, None, None], kept[:, None, None])

    def decode(self, appearance, motion):
        code = jnp.concatenate([appearance.volume[:, 0, 0, 0], motion.vector], -1)
        return jnp.tanh(self.draw(code)).reshape(-1, SIZE, SIZE, 3)

    def encode(self, image):
        motion = self.motion(image)
        return self.appearance(image, motion), motion

    def read_labels(self, dynamics):
        return {"expression": self.read(dynamics)}

    def __call__(self, source, driver):
        appearance, _ = self.encode(source)
        motion = self.motion(driver)
        self.read_labels(motion.dynamics)
        return self.decode(appearance, motion)


@pytest.fixture(scope="session")
def toy():
    """The toy face with its initialiser."""
    model, image = ToyFace(), jnp.zeros((1, SIZE, SIZE, 3))
    return SimpleNamespace(model=model, init=jax.jit(lambda key: model.init(key, image, image)["params"]))


@flax.struct.dataclass
class ToyIdentity:
    """Descriptor: the mean colours of the four quarters of the chip, which here is the image."""

    mixing: jax.Array

    def chips(self, images, landmarks):
        return images

    def __call__(self, chips):
        quarters = chips.reshape(len(chips), 2, SIZE // 2, 2, SIZE // 2, 3).mean((2, 4))
        return quarters.reshape(len(chips), -1) @ self.mixing


@flax.struct.dataclass
class ToyGaze:
    row: jax.Array

    def __call__(self, images, landmarks):
        angles = jnp.stack([images[:, SIZE // 2] @ self.row, images[:, 3] @ self.row], -1).mean(1)
        return SimpleNamespace(angles=angles, features=(jax.nn.relu(images),))


@flax.struct.dataclass
class ToyFeatures:
    gain: jax.Array

    def __call__(self, images):
        return (images * self.gain.astype(images.dtype), images[:, ::2])


def toy_judges():
    """A function, for processes that must join others before they make an array."""
    return Judges(
        ToyFeatures(jnp.float32(2.0)),
        ToyIdentity(jax.random.normal(jax.random.key(5), (12, 8))),
        ToyGaze(jnp.array([1.0, -2.0, 0.5])),
    )
