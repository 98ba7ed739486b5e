"""How a face model does on held-out people while it trains: numbers beside "copy the source", whether its codes come
apart, and a picture grid. `python -m vasa_jax.evaluation.disentanglement` measures the same, and more, at the end."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.data import clips, pipeline
from vasa_jax.evaluation import held_out, probes
from vasa_jax.evaluation.face_model import in_chunks
from vasa_jax.face import losses
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.training.face import flat
from vasa_jax.training.stage import Report
from vasa_jax.types import HeadPose, Motion

ROWS = 6  # people in the grid
PEOPLE, FRAMES = 16, 24  # whose z_dyn is probed, and in how many frames: too few for its size tell little


class FaceReport:
    """Averaged parameters -> Report, always on the same pairs of the held-out clips.

    Args:
      model: the face model.
      source: held-out clips (data.clips.open_clips).
      sample: gives a pair with one driver (data.pipeline.FacePairs).
      clips: how many clips to look at.
      identity: the judge that tells whom drawn faces resemble (vasa_jax.judges); not told without one.
    """

    def __init__(
        self,
        model: Any,
        source: Any,
        sample: pipeline.FacePairs,
        clips: int = 24,
        identity: Callable | None = None,
    ):
        one = dataclasses.replace(sample, drivers=1)
        every = max(1, len(source) // clips)
        chosen = range(0, len(source), every)[:clips]
        pairs = [one(source[i], np.random.default_rng(i)) for i in chosen]
        self._pairs = {name: np.stack([pair[name] for pair in pairs]) for name in pairs[0]}
        self._shown = person_numbers([source[i] for i in chosen])
        self._people = held_out.read_people(source, model.image_size, PEOPLE, FRAMES)
        self._identity = identity
        self._look = jax.jit(lambda params, judge, pairs: look(model, params, judge, pairs))
        self._read = jax.jit(lambda params, images: read(model, params, images))

    def __call__(self, params: Any) -> Report:
        given = self._pairs | {"person": self._shown}
        seen = in_chunks(lambda pairs: self._look(params, self._identity, pairs), given)
        scalars = self._pictures(seen) | self._disentanglement(params, seen)
        shown = {name: value for name, value in scalars.items() if np.isfinite(value)}
        return Report(shown, {"pairs": grid([seen[name][:ROWS] for name in COLUMNS])})

    def _pictures(self, seen: dict[str, np.ndarray]) -> dict[str, float]:
        target, expression = seen["driver"], flat(self._pairs["driver_expression"])
        everywhere, mouth = np.ones_like(seen["mouth"]), seen["mouth"]
        return {
            "psnr": psnr(seen["output"], target, everywhere),
            "psnr_mouth": psnr(seen["output"], target, mouth),
            "label_pose": psnr(seen["label_pose"], target, everywhere),
            "label_pose_mouth": psnr(seen["label_pose"], target, mouth),
            "copy": psnr(seen["source"], target, everywhere),
            "copy_mouth": psnr(seen["source"], target, mouth),
            "pose_degrees": probes.pose_degrees(seen["pose"][:, :3], flat(self._pairs["driver_pose"])[:, :3]),
            "expression_r2": probes.r2(seen["expression"], expression),
        }

    def _disentanglement(self, params: Any, seen: dict[str, np.ndarray]) -> dict[str, float]:
        """See `probes`: of z_dyn in frames of many people, and of drawings of the next person in a driver's motion."""
        people = self._people
        frames, pose, expression = (
            np.concatenate([getattr(person, name) for person in people]) for name in ("frames", "pose", "expression")
        )
        who = np.repeat(np.arange(len(people)), [len(person.frames) for person in people])
        codes = in_chunks(lambda images: self._read(params, images), frames).dynamics
        found = probes.of_dynamics(codes, pose[:, :3], expression, who)
        scalars = {f"dynamics_{name}": value for name, value in found.items()}
        others = seen["person"] != seen["neighbour_person"]
        again, asked = seen["pose_again"][others, :3], seen["pose"][others, :3]
        scalars["swapped_pose_degrees"] = probes.pose_degrees(again, asked)
        if self._identity is not None:
            scalars |= _resemblance(seen)
        return scalars


def person_numbers(records: list[Any]) -> np.ndarray:
    """(n,) the same number for the clips of one person."""
    return np.unique([clips.text(record["identity"]) for record in records], return_inverse=True)[1]


def _resemblance(seen: dict[str, np.ndarray]) -> dict[str, float]:
    """`probes.cross_identity` of the neighbours; their portraits are the sources of all pairs."""
    portraits, people = seen["source_descriptor"], seen["person"]
    source = np.array([np.flatnonzero(people == person)[0] for person in seen["neighbour_person"]])
    found = probes.cross_identity(seen["descriptor"], portraits, source, np.arange(len(people)), people)
    return {f"cross_{name}": value for name, value in found.items()}


COLUMNS = (
    "source", "driver", "output", "label_pose", "error", "canonical", "pose_only", "dynamics_only", "neighbour",
)  # fmt: skip


def look(model: Any, params: Any, identity: Callable | None, pairs: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Pictures and readings of a chunk of pairs, as inference makes them: poses are estimates unless said.

    Returns:
      source, driver, output, error, label_pose (the driver's pose from its label), canonical (the source upright, at
      the reference distance, with its own dynamics: what stands in the canonical volume, turned nowhere), pose_only
      (the source's dynamics), dynamics_only (the source's pose), neighbour (the next pair's source under this driver):
      (B, S, S, 3) in [-1, 1]; mouth (B, S, S, 1) the mouth's box; pose (B, 7), expression (B, 57) as read from the
      driver, pose_again (B, 7) as read from the neighbour's drawing; person and neighbour_person (B,); and with an
      identity judge the neighbour's descriptor and source_descriptor (B, N).
    """

    def apply(method: str, *args: Any) -> Any:
        return model.apply({"params": params}, *args, method=method)

    source, driver = from_uint8(pairs["source"]), from_uint8(flat(pairs["driver"]))
    appearance, own = apply("encode", source)
    motion = apply("motion", driver)
    label = HeadPose.from_vector(flat(pairs["driver_pose"]))
    neighbour = jax.tree.map(lambda x: jnp.roll(x, -1, 0), appearance)
    asked = {
        "output": (appearance, motion),
        "label_pose": (appearance, motion.replace(pose=label)),
        "pose_only": (appearance, motion.replace(dynamics=own.dynamics)),
        "dynamics_only": (appearance, motion.replace(pose=own.pose)),
        "canonical": (appearance, Motion(upright(len(source)), own.dynamics)),
        "neighbour": (neighbour, motion),
    }
    images = apply("decode", *jax.tree.map(lambda *x: jnp.concatenate(x), *asked.values()))  # one call, one program
    drawn = dict(zip(asked, jnp.split(images, len(asked)), strict=True))
    seen = {
        "source": source,
        "driver": driver,
        **drawn,
        "error": jnp.abs(drawn["output"] - driver) - 1,
        "mouth": losses.region_weights(flat(pairs["driver_landmarks"]), source.shape[1], 1.0, 0.0) - 1,
        "pose": motion.pose.vector,
        "pose_again": apply("pose", drawn["neighbour"]).vector,
        "expression": apply("read_labels", motion.dynamics)["expression"],
        "person": pairs["person"],
        "neighbour_person": jnp.roll(pairs["person"], -1, 0),
    }
    if identity is not None:
        seen["descriptor"] = identity(identity.chips(drawn["neighbour"], flat(pairs["driver_landmarks"])))
        seen["source_descriptor"] = identity(identity.chips(source, pairs["source_landmarks"]))
    return seen


def read(model: Any, params: Any, images: jax.Array) -> Motion:
    """z_pose and z_dyn of uint8 images."""
    return model.apply({"params": params}, from_uint8(images), method="motion")


def upright(count: int) -> HeadPose:
    """The pose in which canonical and seen coordinates are the same: frontal, in the middle, at reference distance."""
    return HeadPose.from_vector(jnp.tile(jnp.eye(7)[6], (count, 1)))


def psnr(image: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB where `weight` (B, S, S, 1) lies, mean over the batch; images in [-1, 1]."""
    error = ((np.clip(image, -1, 1) - target) ** 2 * weight).sum((1, 2, 3)) / (3 * weight.sum((1, 2, 3)))
    return float(np.mean(10 * np.log10(4 / (error + 1e-8))))


def grid(columns: list[np.ndarray]) -> np.ndarray:
    """(B, S, S, 3) columns in [-1, 1] side by side: one uint8 picture."""
    rows = np.concatenate(np.concatenate(columns, 2), 0)
    return np.asarray(to_uint8(rows))
