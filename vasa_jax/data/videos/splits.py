"""Which clips train and which are held out: by person, decided by names alone."""

import hashlib
from collections.abc import Mapping


def split_of(clips: Mapping[str, str], videos: Mapping[str, str], held_out: float) -> dict[str, str]:
    """The split of each clip: "train" or "validation".

    People are held out whole. With a single person videos are, with a single video clips are, so that there is always
    something to validate on; the only clip of all is in "train".

    Args:
      clips: the identity of each clip.
      videos: the video of each clip.
      held_out: share of the people, at least one of them.
    """
    for unit in (clips, videos, {name: name for name in clips}):
        names = sorted(set(unit.values()), key=rank)
        if len(names) > 1:
            chosen = set(names[: max(1, round(held_out * len(names)))]) if held_out else set()
            return {clip: "validation" if unit[clip] in chosen else "train" for clip in clips}
    return dict.fromkeys(clips, "train")


def rank(name: str) -> bytes:
    """An order that looks random and is the same everywhere."""
    return hashlib.sha256(name.encode()).digest()
