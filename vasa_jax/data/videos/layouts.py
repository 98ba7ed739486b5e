"""Known sets by name: which files below a folder are their clips, and who is seen in each. See docs/known_sets.md.

The rules look at paths alone, so that nothing of a set but its videos is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vasa_jax.data.videos import identities
from vasa_jax.errors import UserError

YOUTUBE = "[A-Za-z0-9_-]{11}"


@dataclass(frozen=True)
class Layout:
    """How a set lies in its folder.

    Attributes:
      pattern: that the paths of its clips match; the group `identity` says who is seen. Other files, such as the long
        videos that the clips were cut from, are none of its clips.
      example: a path.
    """

    pattern: str
    example: str

    @property
    def identity(self) -> identities.Rule:
        """Path of a video -> who is seen; "" for what is no clip of the set."""
        return identities.by_pattern(self.pattern)

    def clips(self, videos: Sequence[str]) -> list[str]:
        """Those of the videos that are clips of the set.

        Raises:
          UserError: none is.
        """
        rule = self.identity
        found = [video for video in videos if rule(video)]
        if not found:
            raise UserError(f"no video lies as those of this --layout do, such as {self.example}")
        return found


LAYOUTS = {
    "voxceleb2": Layout(
        rf"(?:^|/)(?P<identity>id\d{{5}})/{YOUTUBE}/\d+\.mp4$", "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4"
    ),
    "hdtf": Layout(r"(?:^|/)(?P<identity>[^/]*?[^/_\d][^/]*?)(?:_\d+)+\.mp4$", "clips/WDA_BarackObama_000_0.mp4"),
    "celebvhq": Layout(rf"(?:^|/)(?P<identity>{YOUTUBE})_\d+\.mp4$", "35666/M2Ohb0FAaJU_1.mp4"),
    "vfhq": Layout(
        rf"(?:^|/)Clip\+(?P<identity>{YOUTUBE}\+P\d+)\+C\d+(?:\+F\d+-\d+)?\.mp4$", "Clip+79vu9mgSorY+P0+C0.mp4"
    ),
    "talkinghead1kh": Layout(
        rf"(?:^|/)(?P<identity>{YOUTUBE})_\d+_S\d+_E\d+_L\d+_T\d+_R\d+_B\d+\.mp4$",
        "train/cropped_clips/--Y9imYnfBw_0000_S0_E271_L504_T63_R792_B351.mp4",
    ),
    "folder": Layout(r"^(?P<identity>[^/]+)/", "ann/interview.mp4"),
}
