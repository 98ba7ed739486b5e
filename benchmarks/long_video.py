"""What a video of hours takes: `python -m benchmarks.long_video --hours 4 --landmarks MEDIAPIPE`.

The file shows a wall, 5 pictures a second, and every ten minutes the bundled portrait for twelve seconds, 25 a second,
while the bundled sentence is heard. Printed are clips, refusals, processor time, and the most memory that the process
held by then, at each refusal: it should not grow.
"""

import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from PIL import Image

HOURS = flags.DEFINE_float("hours", 4.0, "Length of the video.")
LANDMARKS = flags.DEFINE_string("landmarks", "../shared/assets/mediapipe", "Folder of MediaPipe's graphs.")

SIDE = (320, 240)
FACE = 200
EVERY, TALK = 600, 12  # seconds from talk to talk, and of each
SLOW = 5  # pictures of the wall a second
MEGABYTE = 1024  # of the kilobytes in which the system counts


def main(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure(make_video(Path(folder) / "long.mkv", round(3600 * HOURS.value)))


def measure(path: Path) -> None:
    """Prints a line for each refusal, and the sum."""
    from vasa_jax.data.videos.one_video import Dropped, Readers, Video
    from vasa_jax.data.videos.settings import Settings

    settings = Settings(LANDMARKS.value, size=128, most_music=0.0, largest_offset=0.0)
    start, clips, refused, told = time.process_time(), 0, 0, 0.0
    print(f"{path.stat().st_size / 2**20:.0f} MB of video, {HOURS.value:g} hours; before: {held():.0f} MB", flush=True)
    for found in Video(path, path.name, settings, Readers.open(settings)).sort():
        if isinstance(found, Dropped):
            refused, told = refused + 1, found.refusal.end
            print(f"{told / 3600:.2f} h {found.refusal.reason}; {held():.0f} MB", flush=True)
        else:
            clips += 1
    spent = time.process_time() - start
    print(f"{clips} clips, {refused} refusals to {told / 3600:.2f} h; {spent:.0f} s of a core, {held():.0f} MB at most")


def held() -> float:
    """The most memory in MB that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


def pictures() -> tuple[list[Any], list[Any]]:
    """The wall, and the portrait before it at a few places, as the encoder takes them."""
    import av

    from vasa_jax import pretrained

    portrait = Image.open(pretrained.portrait()).convert("RGB").resize((FACE, FACE))
    wall = Image.fromarray(np.full((SIDE[1], SIDE[0], 3), 110, np.uint8))
    shown = []
    for place in (60, 61, 62):
        shown.append(wall.copy())
        shown[-1].paste(portrait, (place, 30))
    return tuple(
        [av.VideoFrame.from_image(one).reformat(format="yuv420p") for one in some] for some in ([wall], shown)
    )


def make_video(path: Path, seconds: int) -> Path:
    """Written piece by piece, so that its making does not hold it either."""
    import av
    import soundfile

    from vasa_jax import pretrained

    speech, rate = soundfile.read(pretrained.speech(), dtype="float32")
    (wall,), talking = pictures()
    with av.open(path, "w") as container:
        video = container.add_stream("h264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *SIDE, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=rate, layout="mono")
        for second in range(seconds):
            talks = second % EVERY < TALK
            for k in range(25 if talks else SLOW):
                frame = talking[k % len(talking)] if talks else wall
                frame.pts, frame.time_base = second * 1000 + k * (40 if talks else 1000 // SLOW), Fraction(1, 1000)
                container.mux(video.encode(frame))
            heard = np.zeros(rate, np.float32)
            if talks:
                heard = np.resize(speech, TALK * rate)[(second % EVERY) * rate :][:rate]
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(heard)[None], "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = rate, second * rate, Fraction(1, rate)
            container.mux(sound.encode(block))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


if __name__ == "__main__":
    app.run(main)
