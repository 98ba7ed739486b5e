"""Progress on the terminal: a bar for each part of the work."""

import sys
from typing import Any

UNITS = {"sample": "window", "decode": "frame", "reenact": "frame", "batch": "video", "stream": "minute"}


class Bars:
    """Called with part, done and total, which may be corrected on the way; a context that closes its bars."""

    def __enter__(self) -> "Bars":
        self.bars: dict[str, Any] = {}
        return self

    def __call__(self, part: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if part not in self.bars:
            self.bars[part] = tqdm(desc=part, total=total, unit=UNITS[part], file=sys.stderr)
        self.bars[part].total = total
        self.bars[part].update(done - self.bars[part].n)
        if done == total:
            self.bars[part].close()

    def __exit__(self, *_: object) -> None:
        for bar in self.bars.values():
            bar.close()
