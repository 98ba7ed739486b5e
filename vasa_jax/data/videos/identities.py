"""Who is seen in a video: by its folder, its name, a table, the layout of a known set, or by the faces themselves."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from vasa_jax.errors import UserError
from vasa_jax.pixels import from_uint8

Rule = Callable[[str], str]  # path of a video, with slashes -> identity; "" if the rule cannot tell

# Distance of mean descriptors of length 1. dlib's 0.6 is 0.42 here, since its descriptors are 1.43 long: that is for
# two pictures, and in a crowd joins people who look alike. Rendered heads do so more than people: 0.2 tells them apart.
SAME_PERSON = 0.35
LOOKS = 8  # frames of a clip whose descriptors are averaged


def by_folder(video: str) -> str:
    """The first folder of the path: a folder a person. A video that lies in none is a person of its own."""
    first, slash, _ = video.partition("/")
    return first if slash else Path(first).stem


def by_pattern(pattern: str) -> Rule:
    """What the group `identity`, or the first one, of a regular expression finds in the path.

    Raises:
      UserError: it is no regular expression, or has no group.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--identity_pattern {pattern!r} is no regular expression: {error}") from None
    if not expression.groups:
        raise UserError(f"--identity_pattern {pattern!r} has no group: put the part that names a person in brackets")
    group = "identity" if "identity" in expression.groupindex else 1

    def rule(video: str) -> str:
        found = expression.search(video)
        return (found.group(group) or "") if found else ""

    return rule


def by_table(file: str | Path) -> Rule:
    """What a CSV file with the columns video and identity says.

    Raises:
      UserError: it is missing, or is no such table, or names a video twice.
    """
    try:
        rows = list(csv.DictReader(Path(file).read_text(encoding="utf-8-sig").splitlines(), strict=True))
        pairs = [(row["video"].strip(), row["identity"].strip()) for row in rows]
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{file} is no table with the columns video and identity ({reason})") from None
    table = dict(pairs)
    if len(table) < len(pairs):
        raise UserError(f"{file} names a video twice")
    return lambda video: table.get(video, "")


def identities_of(videos: Iterable[str], rule: Rule) -> dict[str, str]:
    """The identity of each video by a rule.

    Raises:
      UserError: the rule cannot tell some.
    """
    found = {video: rule(video) for video in videos}
    if missing := sorted(video for video, identity in found.items() if not identity):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"nothing says who is seen in {missing[0]}{more}: choose another --identity")
    return found


class FaceDescriber:
    """Describes who is seen in a clip, by an identity network (judges).

    Args:
      path: folder of dlib's network, or an ArcFace iResNet's file.

    Raises:
      UserError: there is no such network.
    """

    def __init__(self, path: str | Path):
        from vasa_jax import judges

        self._network = (judges.load_arcface if Path(path).is_file() else judges.load_identity)(path)

        @jax.jit
        def describe(network, images, landmarks):
            found = network(network.chips(from_uint8(images), landmarks))
            return found / jnp.linalg.norm(found, axis=1, keepdims=True)

        self._describe = describe

    def __call__(
        self, frames: UInt8[np.ndarray, "time side side 3"], landmarks: Float[np.ndarray, "time 68 2"]
    ) -> Float[np.ndarray, " numbers"] | None:
        """A direction of length 1, the mean of the LOOKS most frontal of the frames; None without a face.

        Frontal is where the nose stands midway between the eyes, along their line.
        """
        seen = np.flatnonzero(np.isfinite(landmarks).all((1, 2)))
        if not len(seen):
            return None
        chosen = seen[np.argsort(_turned(landmarks[seen]), kind="stable")][:LOOKS]
        chosen = np.pad(chosen, (0, LOOKS - len(chosen)), "edge")  # one program whatever their number
        found = np.asarray(self._describe(self._network, frames[chosen], landmarks[chosen].astype(np.float32)))
        mean = found.mean(0)
        return mean / np.linalg.norm(mean)


def by_faces(descriptors: Mapping[str, Float[np.ndarray, " numbers"]], distance: float = SAME_PERSON) -> dict[str, str]:
    """Groups clips by who is seen: names person_00000, person_00001, ... in the order of the clips' names.

    Each clip joins the group whose mean is nearest and within `distance`, else begins one; then groups whose means are
    within it are joined, the nearest first; then each clip goes to the nearest group, so that the order matters little.
    The cost grows with clips times people.

    Args:
      descriptors: of length 1, by clip.
      distance: Euclidean, from 0 to 2.
    """
    names = sorted(descriptors)
    if not names:
        return {}
    points = np.stack([descriptors[name] for name in names]).astype(np.float64)
    sums, counts = np.zeros((0, points.shape[1])), np.zeros(0)
    for point in points:
        away = np.linalg.norm(_unit(sums) - point, axis=1)
        if len(away) and away.min() <= distance:
            sums[away.argmin()] += point
            counts[away.argmin()] += 1
        else:
            sums, counts = np.concatenate([sums, point[None]]), np.append(counts, 1)
    means = _unit(_joined(sums, distance))
    nearest = [int(np.linalg.norm(means - point, axis=1).argmin()) for point in points]
    order = {group: rank for rank, group in enumerate(dict.fromkeys(nearest))}
    return {name: f"person_{order[group]:05d}" for name, group in zip(names, nearest, strict=True)}


def _joined(sums: np.ndarray, distance: float) -> np.ndarray:
    """Sums of groups, where those whose means are within `distance` have become one."""
    sums = list(sums)
    while len(sums) > 1:
        means = _unit(np.array(sums))
        away = np.sqrt(np.maximum(2 - 2 * means @ means.T, 0)) + 3 * np.eye(len(means))
        first, second = np.unravel_index(away.argmin(), away.shape)
        if away[first, second] > distance:
            break
        sums[first] = sums[first] + sums[second]
        del sums[second]
    return np.array(sums)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _turned(landmarks: np.ndarray) -> np.ndarray:
    """(T,) how far the tip of the nose is from midway between the outer corners of the eyes, over their distance."""
    left, right, nose = landmarks[:, 36], landmarks[:, 45], landmarks[:, 30]
    across = right - left
    return np.abs(((nose - (left + right) / 2) * across).sum(1) / (across**2).sum(1))
