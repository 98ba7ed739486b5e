"""The invisible mark under attack, and its false alarms: `python -m benchmarks.mark`.

    python -m benchmarks.mark --data data/talks --clips 12 --sizes 128,256,512
    python -m benchmarks.mark --video clip512.mp4 --sizes 512
    python -m benchmarks.mark --cost

First table: of clips that were marked and saved as infer.py saves (h264, crf 18), then attacked, in how many the
payload was read, by attack and size. An attack that changes geometry or brightness ends in an encoding at crf 23.
Second: the statistic z of unmarked clips and of their attacked copies, in looks at the whole frame with random keys,
beside Hoeffding's bound; and what the reader itself, search included, said of them. With --cost instead: processor time
of decoding a batch by the shipped weights with the mark over that without it.
"""

import argparse
import io
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.timing import interleave, table
from vasa_jax.inference.video_file import H264_OPTIONS
from vasa_jax.pixels import from_uint8, to_uint8
from vasa_jax.provenance.mark import looks, reader
from vasa_jax.provenance.mark.carrier import VIDEO
from vasa_jax.provenance.mark.payload import Payload
from vasa_jax.provenance.mark.place import Place
from vasa_jax.provenance.mark.thumbnails import Thumbnails, from_frames
from vasa_jax.provenance.mark.writer import Mark, put_mark
from vasa_jax.types import FPS

Attack = Callable[[np.ndarray], np.ndarray]
LEVELS = (3.0, 4.0, 5.0)


def encoded(frames: np.ndarray, crf: int) -> np.ndarray:
    """Through h264 and back, uint8 (T, H, W, 3) of even sides."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=FPS, options={**H264_OPTIONS, "crf": str(crf)})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def resized(frames: np.ndarray, size: int) -> np.ndarray:
    if frames.shape[1] == size:
        return frames
    return np.stack([np.asarray(Image.fromarray(f).resize((size, size), Image.Resampling.LANCZOS)) for f in frames])


def cropped(frames: np.ndarray) -> np.ndarray:
    """A fifth of each side away, more of it at the top and the left."""
    size = frames.shape[1]
    kept = round(size * 0.8 / 2) * 2
    start = round((size - kept) * 0.6)
    return frames[:, start : start + kept, start : start + kept]


def brighter(frames: np.ndarray) -> np.ndarray:
    return np.clip(frames.astype(np.float32) * 1.25 + 10, 0, 255).astype(np.uint8)


ATTACKS: dict[str, Attack] = {
    "none": lambda frames: frames,
    "h264 at crf 28": lambda frames: encoded(frames, 28),
    "twice: crf 28, then 28": lambda frames: encoded(encoded(frames, 28), 28),
    "half the size": lambda frames: encoded(resized(frames, frames.shape[1] // 2), 23),
    "a fifth cropped": lambda frames: encoded(cropped(frames), 23),
    "brighter": lambda frames: encoded(brighter(frames), 23),
    "25 frames": lambda frames: encoded(frames[17:42], 23),
    "25 frames at crf 28": lambda frames: encoded(frames[17:42], 28),
    "half, cropped, crf 28": lambda frames: encoded(cropped(resized(frames, frames.shape[1] // 2)), 28),
}


def marked(frames: np.ndarray, payload: Payload) -> np.ndarray:
    """As the animator's program marks, in the same arithmetic."""
    mark = Mark.of(payload, frames.shape[1])
    pattern, done = jnp.asarray(mark.pattern), []
    for start in range(0, len(frames), 8):
        batch = frames[start : start + 8]
        signs = jnp.asarray(mark.signs(start, len(batch)))
        done.append(np.asarray(to_uint8(put_mark(from_uint8(batch), pattern, signs))))
    return np.concatenate(done)


def distance(frames: np.ndarray, others: np.ndarray) -> float:
    """PSNR in dB."""
    return 10 * math.log10(255**2 / ((frames.astype(np.float64) - others) ** 2).mean())


def survival(clips: dict[str, list[np.ndarray]], seed: int) -> tuple[list[list[str]], dict[str, float]]:
    """Rows of the first table, clips by size; and the lowest PSNR at each."""
    rng = np.random.default_rng(seed)
    read = {attack: {size: [] for size in clips} for attack in ATTACKS}
    lowest = {}
    for size, originals in clips.items():
        for frames in tqdm(originals, desc=size, disable=None):
            payload = Payload(0, 1, int(rng.integers(2**12)), int(rng.integers(2**24)))
            with_mark = marked(frames, payload)
            lowest[size] = min(lowest.get(size, math.inf), distance(with_mark, frames))
            saved = encoded(with_mark, int(H264_OPTIONS["crf"]))
            for attack, change in ATTACKS.items():
                reading = reader.read(from_frames(change(saved)))
                read[attack][size].append((reading.payload == payload, reading.found))
    rows = [[attack, *(_share(read[attack][size]) for size in clips)] for attack in ATTACKS]
    return rows, lowest


def _share(results: list[tuple[bool, bool]]) -> str:
    return f"{sum(r for r, _ in results)} read, {sum(f for _, f in results)} found of {len(results)}"


def false_alarms(clips: list[np.ndarray], keys: int, seed: int) -> tuple[list[list[str]], str]:
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
    rows = [[f"{level:g}", f"{(z >= level).mean():.2g}", f"{math.exp(-(level**2) / 2):.2g}"] for level in LEVELS]
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


def read_clips(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """Frames of the videos that were named, or of a data set's test clips."""
    from vasa_jax.data.clips import decode_frames, open_clips

    for path in options.video:
        yield _frames_of(path)[: options.frames]
    if not options.video:
        for record, _ in zip(open_clips(options.data, options.split), range(options.clips), strict=False):
            frames = decode_frames(record, range(min(len(record["frames"]), options.frames)))
            if len(frames) >= 50:
                yield frames


def _frames_of(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/talks", help="a clip set")
    parser.add_argument("--split", default="test")
    parser.add_argument("--video", type=Path, nargs="*", default=[], help="unmarked videos instead of a clip set")
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--frames", type=int, default=100, help="of each clip, at most")
    parser.add_argument("--sizes", default="128,256,512")
    parser.add_argument("--unmarked", type=int, default=12, help="clips for the second table, at most")
    parser.add_argument("--keys", type=int, default=2000, help="random keys for each unmarked file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cost", action="store_true", help="what the mark costs of a frame's time, instead")
    options = parser.parse_args()
    if options.cost:
        print(f"decoding with the mark takes {cost(25):.3f} of the time without")
        return
    originals = list(read_clips(options))
    sizes = [int(size) for size in options.sizes.split(",")]
    clips = {str(size): [resized(frames, size) for frames in originals] for size in sizes}
    rows, lowest = survival(clips, options.seed)
    print(table(["attack", *clips], rows))
    print("lowest PSNR to the unmarked frames: " + ", ".join(f"{size}: {db:.2f} dB" for size, db in lowest.items()))
    if not options.unmarked:
        return
    rows, said = false_alarms(originals[: options.unmarked], options.keys, options.seed)
    print("\n" + table(["z", "share of looks without a mark", "bound"], rows) + said)


if __name__ == "__main__":
    main()
