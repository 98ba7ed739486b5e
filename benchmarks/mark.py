"""The invisible mark under attack, and its false alarms: `python -m benchmarks.mark`.

    python -m benchmarks.mark --split train --clips 100 --sizes 128@256 --results runs/mark.jsonl --unmarked 0
    python -m benchmarks.mark --video clip512.mp4 --sizes 512
    python -m benchmarks.mark --clips 0 --unmarked 12
    python -m benchmarks.mark --cost

First table: of clips that were marked and saved as infer.py saves (h264, crf 18), then attacked (see `attacks`), in how
many the payload was read. A size is the side of the frames that the networks make, and after an @ that of the file
where it is another. With --results each clip's outcome is kept in that file and not measured again, so that a run may
be stopped and go on. Second: the statistic z of unmarked clips and of their attacked copies, in looks at the whole
frame with random keys, beside its bound; and what the reader itself, search included, said of them. With --cost
instead: processor time of decoding a batch by the shipped weights with the mark over that without it.

Many small products are slower on several threads where the cores are busy: OPENBLAS_NUM_THREADS=1.
"""

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from benchmarks.attacks import ATTACKS, distance, encoded, marked, resized
from benchmarks.timing import interleave, table
from vasa_jax.provenance.mark import looks, reader
from vasa_jax.provenance.mark.carrier import VIDEO
from vasa_jax.provenance.mark.payload import Payload
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.thumbnails import Thumbnails, from_frames
from vasa_jax.provenance.mark.writer import Mark, put_mark

LEVELS = (3.0, 4.0, 5.0)
LEAST_FRAMES = 50


@dataclass(frozen=True)
class Outcome:
    """What was left of one clip's mark.

    Attributes:
      clip, size: which, and how large.
      psnr: to the unmarked frames, in dB.
      read, found: attacks after which the payload was read right, and those after which there was a mark.
    """

    clip: str
    size: str
    psnr: float
    read: Sequence[str]
    found: Sequence[str]


def measure(clip: str, frames: np.ndarray, size: str, seed: int) -> Outcome:
    """Mark, save, attack and read one clip."""
    network, _, file = size.partition("@")
    rng = np.random.default_rng([seed, zlib.crc32(clip.encode())])
    payload = Payload(0, 1, int(rng.integers(2**12)), int(rng.integers(2**24)))
    plain = resized(frames, int(network))
    with_mark = marked(plain, payload)
    saved = encoded(resized(with_mark, int(file or network)))
    readings = {name: reader.read(from_frames(attack(saved))) for name, attack in ATTACKS.items()}
    read = [name for name, reading in readings.items() if reading.payload == payload]
    found = [name for name, reading in readings.items() if reading.found]
    return Outcome(clip, size, distance(with_mark, plain), read, found)


def survival(
    clips: Iterable[tuple[str, np.ndarray]], sizes: Sequence[str], results: Path | None, seed: int
) -> list[Outcome]:
    """Of all clips at all sizes; those that lie in the file of results are taken from there."""
    done = {} if results is None or not results.exists() else _kept(results)
    outcomes = []
    for clip, frames in clips:
        for size in sizes:
            if (clip, size) not in done:
                done[clip, size] = measure(clip, frames, size, seed)
                if results is not None:
                    with open(results, "a") as file:
                        file.write(json.dumps(asdict(done[clip, size])) + "\n")
            outcomes.append(done[clip, size])
    return outcomes


def _kept(results: Path) -> dict[tuple[str, str], Outcome]:
    outcomes = (Outcome(**json.loads(line)) for line in results.read_text().splitlines())
    return {(outcome.clip, outcome.size): outcome for outcome in outcomes}


def survival_rows(outcomes: Sequence[Outcome], sizes: Sequence[str]) -> list[list[str]]:
    """Of the first table."""
    of_size = {size: [outcome for outcome in outcomes if outcome.size == size] for size in sizes}
    rows = [[attack, *(_share(attack, of_size[size]) for size in sizes)] for attack in ATTACKS]
    lowest = (f"{min(outcome.psnr for outcome in of_size[size]):.1f} dB" for size in sizes)
    return [*rows, ["PSNR to the unmarked frames, lowest", *lowest]]


def _share(attack: str, outcomes: Sequence[Outcome]) -> str:
    read = sum(attack in outcome.read for outcome in outcomes)
    found = sum(attack in outcome.found for outcome in outcomes)
    return f"{read} of {len(outcomes)}" + (f" ({found} found)" if found != read else "")


def false_alarms(clips: Iterable[np.ndarray], keys: int, seed: int) -> tuple[list[list[str]], str]:
    """Rows of the second table: shares of looks whose |z| passes a level; and what the reader said.

    A look is a phase of one unmarked clip, as it is or attacked, with one of `keys` random keys.
    """
    rng = np.random.default_rng(seed)
    values, alarms, count = [], 0, 0
    for frames in tqdm(clips, desc="unmarked", disable=None):
        for attack in ("none", "h264 at crf 28", "25 frames"):
            clip = from_frames(ATTACKS[attack](frames))
            values.append(_with_other_keys(clip, keys, rng))
            alarms += reader.read(clip).found
            count += 1
    z = np.concatenate(values)
    rows = [[f"{level:g}", f"{(z >= level).mean():.2g}", f"{reader.chance(level):.2g}"] for level in LEVELS]
    return rows, f"{len(z)} looks, the largest z {z.max():.2f}; the reader found a mark in {alarms} of {count} files"


def _with_other_keys(clip: Thumbnails, keys: int, rng: np.random.Generator) -> np.ndarray:
    cosines = looks.cosines(clip, Place(), VIDEO)
    signs = rng.choice([-1.0, 1.0], (keys, cosines.shape[1]))
    return ((signs @ cosines.T) / np.linalg.norm(cosines, axis=1)).ravel()


def cost(repeats: int) -> float:
    """Median processor time of the decoding program over that of the same program without the mark, taken in turn."""
    import vasa_jax
    from vasa_jax.inference.face_programs import BATCH, decode_frames

    animator = vasa_jax.load()
    face, params, size = animator.checkpoint.models.face, animator.params["face"], animator.image_size
    grey = jnp.zeros((1, size, size, 3))
    appearance, _ = jax.jit(lambda params, image: face.apply({"params": params}, image, method="encode"))(params, grey)
    motion = jnp.zeros((BATCH, animator.checkpoint.models.motion.motion_size))
    mark = Mark.of(Payload(0, 1, 0, 0), size)
    given = params, appearance, animator.checkpoint.statistics, motion, mark.pattern, mark.signs(0, BATCH)

    def way(put: Callable) -> Callable[[], None]:
        with patch("vasa_jax.inference.face_programs.put_mark", put):
            compiled = jax.jit(partial(decode_frames, face)).lower(*given).compile()
        return lambda: jax.block_until_ready(compiled(*given))

    ways = {"marked": way(put_mark), "unmarked": way(lambda images, pattern, signs: images)}
    timings = interleave(ways, repeats, time.process_time)
    return timings["marked"].later / timings["unmarked"].later


def read_clips(options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Names and frames of the videos that were given, or of a data set's clips."""
    from vasa_jax.data.clips import decode_frames, open_clips

    for path in options.video:
        yield path.stem, _frames_of(path)[: options.frames]
    if not options.video:
        source = open_clips(options.data, options.split)
        for index in range(len(source)):
            record = source[index]
            if len(record["frames"]) >= LEAST_FRAMES:
                frames = decode_frames(record, range(min(len(record["frames"]), options.frames)))
                yield f"{options.split} {index}", np.asarray(frames)


def _frames_of(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/talks", help="a clip set")
    parser.add_argument("--split", default="test")
    parser.add_argument("--video", type=Path, nargs="*", default=[], help="unmarked videos instead of a clip set")
    parser.add_argument("--clips", type=int, default=12, help="for the first table, at most")
    parser.add_argument("--frames", type=int, default=75, help="of each clip, at most")
    parser.add_argument("--sizes", default="128@256,256", help="of the networks' frames, and of the file after an @")
    parser.add_argument("--results", type=Path, help="keeps the first table's outcomes, a line of JSON each")
    parser.add_argument("--unmarked", type=int, default=12, help="clips for the second table, at most")
    parser.add_argument("--keys", type=int, default=2000, help="random keys for each unmarked file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cost", action="store_true", help="what the mark costs of a frame's time, instead")
    options = parser.parse_args()
    if options.cost:
        print(f"decoding with the mark takes {cost(25):.3f} of the time without")
        return
    if options.clips:
        sizes = options.sizes.split(",")
        clips = tqdm(islice(read_clips(options), options.clips), total=options.clips, desc="marked", disable=None)
        outcomes = survival(clips, sizes, options.results, options.seed)
        print(table(["attack", *sizes], survival_rows(outcomes, sizes)))
    if options.unmarked:
        clips = (frames for _, frames in islice(read_clips(options), options.unmarked))
        rows, said = false_alarms(clips, options.keys, options.seed)
        print(table(["z", "share of looks without a mark", "bound"], rows) + said)


if __name__ == "__main__":
    main()
