"""What a compiled step takes of each chip, and the time that the chip's published peaks allow it."""

import dataclasses
from collections.abc import Mapping

from vasa_jax.training.chips import Chip
from vasa_jax.training.collectives import Traffic

GB, MS = 1e9, 1e-3


@dataclasses.dataclass(frozen=True)
class Bill:
    """One chip's part of one step; sizes in bytes, a multiplication and an addition being two operations.

    Attributes:
      chip: whose memory and peaks count. chips: how many.
      people: that each chip takes in a step.
      kept: name -> size of what lives on the chip between steps, by the arrays' shapes.
      arguments: size of all that as the program lays it out. results: of what does not take an argument's place.
      temporaries: what the step needs besides. code: the program itself; None before it is generated.
      flops: operations. moved: to and from memory.
      traffic: what the chip sends, by kind of collective.
      stand_in: the pod that was compiled for where no compiler for the chip is here, which makes all of it an estimate;
        None where it was compiled for the chip itself.
    """

    chip: Chip
    chips: int
    people: int
    kept: Mapping[str, float]
    arguments: float
    results: float
    temporaries: float
    code: float | None
    flops: float
    moved: float
    traffic: Mapping[str, Traffic]
    stand_in: str | None = None

    @property
    def peak(self) -> float:
        """The most memory in use; without the code where that is not known."""
        return self.arguments + self.results + self.temporaries + (self.code or 0.0)

    @property
    def share(self) -> float:
        """The peak over the chip's memory."""
        return self.peak / self.chip.hbm_bytes

    @property
    def sent(self) -> float:
        """By all collectives."""
        return sum(one.sent for one in self.traffic.values())

    @property
    def times(self) -> dict[str, float]:
        """Seconds that each resource is busy at its peak; the links as if all of a chip's were in use."""
        chip = self.chip
        return {
            "arithmetic": self.flops / chip.flops_bf16,
            "memory": self.moved / chip.hbm_bandwidth,
            "links": self.sent / chip.ici_bandwidth,
        }

    @property
    def seconds(self) -> float:
        """The least that a step can take at these peaks: arithmetic and memory traffic at the same time, then the
        collectives, of which the compiler hides a part."""
        times = self.times
        return max(times["arithmetic"], times["memory"]) + times["links"]

    def __str__(self) -> str:
        rows = [(f"  {name}", f"{size / GB:.3f} GB") for name, size in self.kept.items()]
        rows += [
            ("arguments as laid out", f"{self.arguments / GB:.3f} GB"),
            ("temporaries", f"{self.temporaries / GB:.3f} GB"),
            ("results", f"{self.results / GB:.3f} GB"),
            ("code", "not generated" if self.code is None else f"{self.code / GB:.3f} GB"),
            ("peak", f"{self.peak / GB:.2f} of {self.chip.hbm_bytes / GB:.0f} GB, {self.share:.0%}"),
            ("operations", f"{self.flops / 1e12:.2f} TFLOP"),
            ("to and from memory", f"{self.moved / GB:.1f} GB"),
        ]
        rows += [(f"{kind}, {one.count}", f"{one.sent / GB:.3f} GB sent") for kind, one in sorted(self.traffic.items())]
        rows += [(f"time of {name} at its peak", f"{time / MS:.1f} ms") for name, time in self.times.items()]
        rows.append(("a step at these peaks", f"{self.seconds / MS:.1f} ms, no program reaches them"))
        rows.append(("people a second, all chips", f"{self.people * self.chips / self.seconds:.0f}"))
        title = f"{self.chips} x {self.chip.name}, {self.people} people a chip; each chip and step:"
        if self.stand_in:
            title = f"Estimate, from the program for {self.stand_in}: {title}"
        return "\n".join([title, *(f"{name:32} {value:>16}" for name, value in rows)])
