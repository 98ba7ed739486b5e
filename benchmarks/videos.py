"""What preparing videos costs, by kind of work: `python -m benchmarks.videos --landmarks MEDIAPIPE --out videos.md`.

The video is the bundled portrait, which moves before a wall and says the bundled sentence, as h264 at 1280x720; or
--video names one. Costs are processor time, so that a busy machine changes little, of a second pass: the first one
compiles.
"""

import tempfile
from pathlib import Path

import numpy as np
from absl import app, flags
from PIL import Image

from vasa_jax.types import FPS

LANDMARKS = flags.DEFINE_string("landmarks", "../shared/assets/mediapipe", "Folder of MediaPipe's graphs.")
VIDEO = flags.DEFINE_string("video", None, "A video; made for the purpose if not given.")
SIZE = flags.DEFINE_integer("size", 512, "Pixels a side of the clips.")
SECONDS = flags.DEFINE_float("seconds", 12.0, "Length of the video that is made.")
RATE = flags.DEFINE_integer("rate", 25, "Its frames a second.")
OUT = flags.DEFINE_string("out", None, "Markdown file to write.")

CORES = 2
WIDTH, HEIGHT, FACE = 1280, 720, 560


def main(_: list[str]) -> None:
    from benchmarks.timing import figure, table

    with tempfile.TemporaryDirectory() as folder:
        seconds, frames, clips = measure(Path(VIDEO.value) if VIDEO.value else make_video(Path(folder)))
    total = sum(seconds.values())
    rows = [(work, figure(1000 * spent / frames)) for work, spent in sorted(seconds.items(), key=lambda item: -item[1])]
    text = table(("work", "ms of a core a frame"), [*rows, ("all", figure(1000 * total / frames))])
    text += (
        f"\n{clips} clips, {frames} frames: {figure(CORES * frames / FPS / total)} times real time on {CORES} cores.\n"
    )
    print(text, end="")
    if OUT.value:
        Path(OUT.value).write_text(text)


def measure(path: Path) -> tuple[dict[str, float], int, int]:
    """Seconds of a core by kind of work, frames and clips of the video."""
    import time

    from vasa_jax.data.videos.one_video import Dropped, Readers, Video
    from vasa_jax.data.videos.settings import Settings

    settings = Settings(LANDMARKS.value, size=SIZE.value, most_music=0.0, largest_offset=0.0)
    readers = Readers.open(settings)
    for _ in range(2):
        video, start = Video(path, path.name, settings, readers), time.process_time()
        found = list(video.sort())
        total = time.process_time() - start
    clips = [one for one in found if not isinstance(one, Dropped)]
    known = dict(video.clock.seconds)
    return known | {"other": total - sum(known.values())}, sum(len(clip["frames"]) for clip in clips), len(clips)


def make_video(folder: Path) -> Path:
    """The bundled portrait, moving slowly, and the bundled sentence again and again."""
    import av
    import soundfile

    from vasa_jax import pretrained

    portrait = Image.open(pretrained.portrait()).convert("RGB").resize((FACE, FACE))
    speech, rate = soundfile.read(pretrained.speech(), dtype="float32")
    wall = np.random.default_rng(0).integers(60, 160, (9, 16, 3), dtype=np.uint8)
    behind = Image.fromarray(wall).resize((WIDTH, HEIGHT))
    path = folder / "video.mp4"
    with av.open(path, "w") as container:
        video = container.add_stream("h264", rate=RATE.value, options={"crf": "20"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream("aac", rate=rate, layout="mono")
        for index in range(round(SECONDS.value * RATE.value)):
            turn = 0.5 * index / RATE.value
            picture = behind.copy()
            picture.paste(portrait, (round(360 + 20 * np.sin(turn)), round(80 + 10 * np.sin(2.3 * turn))))
            container.mux(video.encode(av.VideoFrame.from_image(picture)))
        container.mux(video.encode(None))
        heard = av.AudioFrame.from_ndarray(np.resize(speech, round(SECONDS.value * rate))[None], "fltp", "mono")
        heard.sample_rate = rate
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return path


if __name__ == "__main__":
    app.run(main)
