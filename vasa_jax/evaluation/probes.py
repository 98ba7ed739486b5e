"""What codes hold and what they should not: pose, identity and expression read from z_dyn by linear probes.

Arrays in, numbers out; a training watches the same numbers as the evaluation prints. A probe is a fresh linear map,
fitted on the codes of some people or frames and asked about others, so it finds what a decoder could find too. Every
probe turns with the codes: rotating or scaling all of them changes nothing.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from vasa_jax.evaluation import people as faces

RIDGE = 1e-3  # of the codes' mean variance: a direction with much less than that counts as noise
SHRINKAGE = 1e-2  # likewise, of the covariance within people
FOLDS, SHUFFLES = 4, 4


def of_dynamics(
    codes: Float[np.ndarray, "n z"],
    rotation: Float[np.ndarray, "n 3"],
    expression: Float[np.ndarray, "n e"],
    people: Int[np.ndarray, " n"],
) -> dict[str, float]:
    """All that is asked of z_dyn, from several frames of each of some held-out people.

    Args:
      codes: z_dyn. rotation: true yaw, pitch, roll. expression: true coefficients; NaN where they are not known, and
        what would need them is left out. people: who a frame shows.

    Returns:
      pca_area; pose_r2 and expression_r2 of `linear_probe`, identity of `identity_accuracy`; each with what the same
      probe finds by luck (..._chance), and pose and identity with what it finds in the true coefficients (..._labels):
      gaze is held while the head turns, so a code of the eyes tells of the head, and no more than that is asked for.
    """
    order = np.random.default_rng(0)
    shuffled = [order.permutation(len(codes)) for _ in range(SHUFFLES)]

    def chance(labels: np.ndarray) -> float:
        return float(np.mean([linear_probe(codes, labels[rows], people) for rows in shuffled]))

    found = {
        "pca_area": pca_area(codes),
        "pose_r2": linear_probe(codes, rotation, people),
        "pose_r2_chance": chance(rotation),
        "identity": identity_accuracy(codes, people),
        "identity_chance": 1 / len(np.unique(people)),
    }
    if not np.isfinite(expression).all():
        return found
    return found | {
        "pose_r2_labels": linear_probe(expression, rotation, people),
        "identity_labels": identity_accuracy(expression, people),
        "expression_r2": linear_probe(codes, expression, people),
        "expression_r2_chance": chance(expression),
    }


def pca_area(codes: Float[np.ndarray, "n z"]) -> float:
    """Area under the curve of cumulative explained variance (MegaPortraits, arXiv 2207.07572, watches z_dyn by it).

        (1/Z) sum_k (v_1 + ... + v_k) / (v_1 + ... + v_Z),   v_k the variances along the principal axes, largest first

    From (Z + 1) / 2Z, where all directions are used alike, to 1, where the code is one number; 1 if it never varies.
    """
    singular = np.linalg.svd(_centred(codes), compute_uv=False) ** 2
    variance = np.zeros(codes.shape[1])
    variance[: len(singular)] = singular
    total = variance.sum()
    return float(np.mean(np.cumsum(variance)) / total) if total > 0 else 1.0


def linear_probe(
    codes: Float[np.ndarray, "n z"], labels: Float[np.ndarray, "n k"], people: Int[np.ndarray, " n"]
) -> float:
    """R^2 of ridge regression from codes to labels, fitted on some people and asked about the others, in turn.

    Returns:
      `r2` over all frames, each read by the fit that has not seen its person; below 0 is worse than a constant. NaN for
      a single person.
    """
    read = read_across(codes, labels, people)
    return float("nan") if read is None else r2(read, labels)


def read_across(
    codes: Float[np.ndarray, "n z"], labels: Float[np.ndarray, "n k"], people: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n k"] | None:
    """What ridge regression reads from each frame's code when it has not seen that person; None for a single one."""
    names = np.unique(people)
    folds = min(FOLDS, len(names))
    if folds < 2:
        return None
    read = np.empty(labels.shape)
    for fold in range(folds):
        asked = np.isin(people, names[fold::folds])
        read[asked] = ridge(codes[~asked], labels[~asked])(codes[asked])
    return read


def r2(read: Float[np.ndarray, "n k"], label: Float[np.ndarray, "n k"], least: float = 0.02) -> float:
    """Mean explained share of variance over the coefficients with a standard deviation of at least `least`; NaN where
    labels are not known."""
    if not np.isfinite(label).all():
        return float("nan")
    variance = ((label - label.mean(0)) ** 2).sum(0)
    used = label.std(0) > least
    return float(np.mean(1 - (((read - label) ** 2).sum(0) / (variance + 1e-9))[used])) if used.any() else 0.0


def identity_accuracy(codes: Float[np.ndarray, "n z"], people: Int[np.ndarray, " n"]) -> float:
    """Share of frames whose person is told by their code, among all people.

    The nearest class mean by the distance of linear discriminant analysis (Fisher 1936): the covariance within people,
    shrunk by SHRINKAGE towards a multiple of the unit matrix. Means and covariance come from every second frame of each
    person; the other frames are asked, and then the other way round. NaN where nobody has two frames.
    """
    half = _rank_within(people) % 2 == 1
    if not half.any():
        return float("nan")
    right = [_discriminant(codes[~asked], people[~asked])(codes[asked]) == people[asked] for asked in (half, ~half)]
    return float(np.concatenate(right).mean())


def pose_degrees(read: Float[np.ndarray, "n 3"], true: Float[np.ndarray, "n 3"], level: bool = False) -> float:
    """Mean |difference| of yaw, pitch and roll in degrees, of angles in radians; frames that are not finite left out.

    Args:
      level: take out the median difference of each angle first: of a judge whose zero depends on the face.
    """
    difference = read - true
    difference = difference[np.isfinite(difference).all(1)]
    if not len(difference):
        return float("nan")
    return float(np.degrees(np.abs(difference - np.median(difference, 0) * level).mean()))


def cross_identity(
    drawn: Float[np.ndarray, "n d"],
    portraits: Float[np.ndarray, "m d"],
    source: Int[np.ndarray, " n"],
    owner: Int[np.ndarray, " n"],
    people: Int[np.ndarray, " m"] | None = None,
) -> dict[str, float]:
    """Whom faces resemble that show one person in the motion of another.

    Args:
      drawn: descriptors of the drawn faces. portraits: of true ones.
      source: index of the portrait that a face was drawn from. owner: of the one whose motion it has.
      people: who a portrait shows; everybody once if None. A face drawn in its own person's motion is left out.

    Returns:
      source and owner: mean cosines of a drawn face with these two portraits. area: under the ROC curve, the chance
      that the cosine with the source exceeds that with any other person. NaN where no face counts.
    """
    people = np.arange(len(portraits)) if people is None else people
    counts = people[source] != people[owner]
    drawn, source, owner = drawn[counts], source[counts], owner[counts]
    if not len(drawn):
        return dict.fromkeys(("source", "owner", "area"), float("nan"))
    cosines = faces.cosine_similarity(drawn, portraits)
    rows = np.arange(len(drawn))
    others = people[None] != people[source][:, None]
    return {
        "source": float(cosines[rows, source].mean()),
        "owner": float(cosines[rows, owner].mean()),
        "area": faces.area_under_curve(cosines[rows, source], cosines[others]),
    }


def ridge(codes: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A linear map from codes (n, z) to labels (n, k), fitted; RIDGE keeps it from trusting small directions."""
    mean, level, x = codes.mean(0), labels.mean(0), _centred(codes)
    gram = x.T @ x
    weight = np.linalg.solve(gram + _floor(gram, RIDGE), x.T @ (labels - level))
    return lambda asked: (asked - mean) @ weight + level


def _discriminant(codes: np.ndarray, people: np.ndarray):
    """codes -> people, fitted."""
    codes = codes.astype(np.float64)
    names, numbers = np.unique(people, return_inverse=True)
    means = np.stack([codes[numbers == number].mean(0) for number in range(len(names))])
    within = codes - means[numbers]
    scatter = within.T @ within
    scatter = (1 - SHRINKAGE) * scatter + _floor(scatter, SHRINKAGE)
    whiten = np.linalg.inv(np.linalg.cholesky(scatter))

    def tell(asked: np.ndarray) -> np.ndarray:
        away = (asked[:, None] - means[None]) @ whiten.T
        return names[(away**2).sum(-1).argmin(1)]

    return tell


def _floor(scatter: np.ndarray, share: float) -> np.ndarray:
    """A share of the mean variance in every direction; a trace of it where nothing varies, to stay solvable."""
    return (share * np.trace(scatter) / len(scatter) + 1e-12) * np.eye(len(scatter))


def _centred(codes: np.ndarray) -> np.ndarray:
    codes = codes.astype(np.float64)
    return codes - codes.mean(0)


def _rank_within(people: np.ndarray) -> np.ndarray:
    """(n,) how many frames of the same person come before."""
    rank = np.zeros(len(people), int)
    for name in np.unique(people):
        rank[people == name] = np.arange((people == name).sum())
    return rank
