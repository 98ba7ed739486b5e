"""What a face model does with held-out people: whether its codes come apart, and how close its pictures are.

Poses and dynamics are the model's own estimates, as at inference, unless a label is named. Every choice is fixed, so
two models are asked the same.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from vasa_jax.errors import UserError
from vasa_jax.evaluation import images, probes
from vasa_jax.evaluation.face_model import Face, in_chunks, rows
from vasa_jax.evaluation.held_out import IDENTITY_YAW, Crowd, Person
from vasa_jax.evaluation.people import cosine_similarity
from vasa_jax.face import losses
from vasa_jax.judges import LandmarkJudge, load_gaze, load_identity, load_perceptual, readings
from vasa_jax.judges.gaze import degrees_between
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.types import Appearance, HeadPose, Motion


@dataclasses.dataclass(frozen=True)
class Judges:
    """Frozen networks: see vasa_jax.judges. `landmarks` is None where it is not at hand."""

    identity: Callable
    perceptual: Callable
    landmarks: LandmarkJudge | None
    gaze: Callable


def load_judges(assets: str | Path) -> Judges:
    """From a folder with face_identity/, efficientnet_lite0/ and, if it is to look too, mediapipe/.

    Raises:
      UserError: a file is missing.
    """
    assets = Path(assets)
    landmarks = LandmarkJudge(assets / "mediapipe") if (assets / "mediapipe").is_dir() else None
    perceptual = load_perceptual(assets / "efficientnet_lite0" / "efficientnet_lite0.npz")
    return Judges(load_identity(assets / "face_identity"), perceptual, landmarks, load_gaze())


class Measuring:
    """One model before a list of people; every method gives measures by their names."""

    def __init__(self, face: Face, people: list[Person], judges: Judges):
        if len(people) < 2:
            raise UserError(f"disentanglement is measured across people: the split holds {len(people)}, 2 are needed")
        self.face, self.crowd, self.judges = face, Crowd(people), judges
        self.motion = face.motion(self.crowd.frames)
        self.appearance = self._appearance(self.crowd.portraits)

    def all(self) -> dict[str, float]:
        """Every measure."""
        found = {"pose_degrees": probes.pose_degrees(self.motion.pose.rotation, self.crowd.pose[:, :3])}
        for part in (self.codes, self.same_person, self.other_person, self.swapped_pose):
            found |= part()
        return found

    def codes(self) -> dict[str, float]:
        """What z_dyn holds; see `probes.of_dynamics`."""
        given = (self.motion.dynamics, self.crowd.pose[:, :3], self.crowd.expression, self.crowd.person)
        return {f"dynamics_{name}": value for name, value in probes.of_dynamics(*given).items()}

    def same_person(self) -> dict[str, float]:
        """Other frames of a person drawn from the portrait, against the truth and beside a copy of the portrait; and
        whether a portrait in another pose would have given the same (l_consist, canonical agreement)."""
        crowd = self.crowd
        driver, who = crowd.drivers()
        drawn = self.face.decode(self.appearance, who, rows(self.motion, driver))
        found = {"consistency": self._consistency(driver, who, drawn), "canonical": self._canonical()}
        copied = crowd.portraits[who]
        copies = self._closeness(crowd.frames[copied], copied, driver)
        found |= self._closeness(np.asarray(to_uint8(drawn)), driver, driver)
        return found | {f"copy_{name}": value for name, value in copies.items()}

    def other_person(self) -> dict[str, float]:
        """Whom a person resembles in the motion of another one; the same of true frames is the best to be had."""
        crowd = self.crowd
        driver, owner, source = crowd.strangers()
        drawn = np.asarray(to_uint8(self.face.decode(self.appearance, source, rows(self.motion, driver))))
        told, true = (self._describe(shown, driver) for shown in (drawn, crowd.frames[driver]))
        portraits = self._describe(crowd.frames[crowd.portraits], crowd.portraits)
        found = probes.cross_identity(told, portraits, source, owner)
        best = probes.cross_identity(true, portraits, owner, source)
        return {f"cross_{name}": value for name, value in found.items()} | {
            "cross_source_true": best["source"], "cross_area_true": best["area"],
        }  # fmt: skip

    def swapped_pose(self) -> dict[str, float]:
        """Each person in the true poses of the next one: the pose that is seen in the drawing, against the one that
        was asked for. The landmark judge's zero depends on the face, so a constant error is taken out of its readings,
        and beside them stand those of the true frames of these poses."""
        crowd = self.crowd
        source = (crowd.person - 1) % crowd.count
        dynamics = self.motion.dynamics[crowd.portraits[source]]
        asked = HeadPose.from_vector(jnp.asarray(crowd.pose))
        drawn = self.face.decode(self.appearance, source, Motion(asked, dynamics))
        seen = self.face.pose(drawn).rotation
        found = {"swapped_pose_degrees": probes.pose_degrees(seen, crowd.pose[:, :3])}
        if self.judges.landmarks:
            for name, shown in (("", np.asarray(to_uint8(drawn))), ("_true", crowd.frames)):
                found[f"swapped_pose_judge{name}"], found[f"swapped_pose_lost{name}"] = self._judged(shown)
        return found

    def grid(self, people: int = 6) -> np.ndarray:
        """Cross-reenactments as one uint8 picture: below the drivers each source, and beside it the source in the
        motion of every driver; on the diagonal in its own."""
        crowd, people = self.crowd, min(people, self.crowd.count)
        driver = np.array([crowd.lively(k) for k in range(people)])
        source = np.repeat(np.arange(people), people)
        drawn = self.face.decode(self.appearance, source, rows(self.motion, np.tile(driver, people)))
        table = np.asarray(to_uint8(drawn)).reshape(people, people, *drawn.shape[1:])
        sources = crowd.frames[crowd.portraits[:people], None]
        top = np.concatenate([np.full_like(sources[0], 255), crowd.frames[driver]])
        table = np.concatenate([top[None], np.concatenate([sources, table], 1)])
        return np.concatenate([np.concatenate(row, 1) for row in table])

    def _appearance(self, chosen: np.ndarray) -> Appearance:
        return self.face.appearance(self.crowd.frames[chosen], rows(self.motion, chosen))

    def _consistency(self, driver: np.ndarray, who: np.ndarray, drawn: np.ndarray) -> float:
        """l_consist without its perceptual part: drawings from the portrait and from the turned frame."""
        other = self.face.decode(self._appearance(self.crowd.turned()), who, rows(self.motion, driver))
        return float(np.mean(np.abs(drawn - other)))

    def _canonical(self) -> float:
        """Canonical agreement of the same two; the volume's own coordinates, where it has them, left out."""
        both = [self.appearance, self._appearance(self.crowd.turned())]
        volumes = [a.volume if a.source is None else a.volume[..., :-2] for a in both]
        return float(losses.canonical_agreement(*map(jnp.asarray, volumes)))

    def _closeness(self, shown: np.ndarray, stand: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """Of pictures to true frames; the faces in the pictures stand where those of the frames `stand` do."""
        true = self.crowd.frames[truth]
        near = self.crowd.yaw(truth) < IDENTITY_YAW
        near = near if near.any() else ~near
        seen, meant = (shown[near], stand[near]), (true[near], truth[near])
        faces, gazes = ([read(*some) for some in (seen, meant)] for read in (self._describe, self._gaze))
        return {
            "psnr": float(np.mean([images.psnr(*pair) for pair in zip(shown, true, strict=True)])),
            "ssim": float(np.mean([images.ssim(*pair) for pair in zip(shown, true, strict=True)])),
            "detail": float(np.mean([images.detail(*pair) for pair in zip(shown, true, strict=True)])),
            "perceptual": float(in_chunks(lambda x: _distances(self.judges.perceptual, *x), (shown, true)).mean()),
            "identity": float(np.diagonal(cosine_similarity(*faces)).mean()),
            "gaze_degrees": float(degrees_between(*map(jnp.asarray, gazes)).mean()),
        }

    def _describe(self, shown: np.ndarray, stand: np.ndarray) -> np.ndarray:
        """Identity descriptors of faces that stand where those of the frames `stand` do."""
        given = shown, self.crowd.landmarks[stand]
        return in_chunks(lambda chunk: _descriptors(self.judges.identity, *chunk), given)

    def _gaze(self, shown: np.ndarray, stand: np.ndarray) -> np.ndarray:
        """Where faces look, (n, 2) radians, that stand where those of the frames `stand` do."""
        given = shown, self.crowd.landmarks[stand]
        return in_chunks(lambda chunk: _angles(self.judges.gaze, *chunk), given)

    def _judged(self, shown: np.ndarray) -> tuple[float, float]:
        """The landmark judge's error in degrees, mean over people, and the share of frames without a face."""
        errors, angles = [], []
        for k in range(self.crowd.count):
            own = self.crowd.person == k
            angles.append(readings.read(self.judges.landmarks, shown[own]).head_angles)
            errors.append(probes.pose_degrees(angles[-1], self.crowd.pose[own, :3], level=True))
        return float(np.nanmean(errors)), float(np.mean(~np.isfinite(np.concatenate(angles)).all(1)))


@jax.jit
def _descriptors(judge: Callable, shown: jax.Array, landmarks: jax.Array) -> jax.Array:
    return judge(judge.chips(from_uint8(shown), landmarks))


@jax.jit
def _angles(judge: Callable, shown: jax.Array, landmarks: jax.Array) -> jax.Array:
    return judge(from_uint8(shown), landmarks).angles


@jax.jit
def _distances(judge: Callable, shown: jax.Array, truth: jax.Array) -> jax.Array:
    def one(image: jax.Array, target: jax.Array) -> jax.Array:
        return losses.perceptual(image[None], target[None], judge)

    return jax.vmap(one)(from_uint8(shown), from_uint8(truth))
