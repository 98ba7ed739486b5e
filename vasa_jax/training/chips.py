"""What accelerators can do at best, as their makers publish it: what a measured speed is compared with.

Peaks are of dense bfloat16 products; a sparse or 8-bit peak is not what a training can reach. Memory is in bytes of the
maker's "GB", 10^9, so a limit taken from here is on the safe side. Links count one direction, all ports of a chip
together: makers often print the sum of both directions, twice as much.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Chip:
    """One accelerator.

    Attributes:
      name: as people call it.
      flops_bf16: peak of bfloat16 operations a second, a multiplication and an addition being two.
      hbm_bytes: memory. hbm_bandwidth: bytes a second to and from it.
      ici_bandwidth: bytes a second that leave the chip for its neighbours (ICI of a TPU, NVLink of a GPU).
      kinds: parts of `jax.Device.device_kind` in lower case by which the chip is known.
    """

    name: str
    flops_bf16: float
    hbm_bytes: float
    hbm_bandwidth: float
    ici_bandwidth: float
    kinds: tuple[str, ...] = ()


# The first whose `kinds` are found in the device's kind is taken, so the longer names come first.
CHIPS = (
    # cloud.google.com/tpu/docs/v6e: 918 TFLOPs, 32 GB, 1600 GBps (1640 in earlier editions), 800 GBps both ways.
    Chip("TPU v6e", 918e12, 32e9, 1600e9, 400e9, ("tpu v6 lite", "tpu v6e")),
    # cloud.google.com/tpu/docs/v5e: 197 TFLOPs, 16 GB, 819 GBps, 400 GBps both ways.
    Chip("TPU v5e", 197e12, 16e9, 819e9, 200e9, ("tpu v5 lite", "tpu v5e")),
    # cloud.google.com/tpu/docs/v5p: 459 TFLOPs, 95 GB, 2765 GBps, 4800 Gbps.
    Chip("TPU v5p", 459e12, 95e9, 2765e9, 600e9, ("tpu v5p", "tpu v5")),
    # cloud.google.com/tpu/docs/v4: 275 TFLOPs, 32 GiB, 1200 GBps; six links of 50 GB/s (Jouppi et al. 2023,
    # arXiv 2304.01433, table 4).
    Chip("TPU v4", 275e12, 34.36e9, 1200e9, 300e9, ("tpu v4",)),
    # NVIDIA H200 data sheet, SXM: 989 TFLOPS (half of the sparse figure), 141 GB, 4.8 TB/s, NVLink 900 GB/s both ways.
    Chip("H200", 989e12, 141e9, 4.8e12, 450e9, ("h200",)),
    # NVIDIA H100 data sheet, SXM: 989 TFLOPS (half of the sparse figure), 80 GB, 3.35 TB/s, NVLink 900 GB/s both ways.
    Chip("H100", 989e12, 80e9, 3.35e12, 450e9, ("h100",)),
    # NVIDIA A100 data sheet, 80 GB SXM: 312 TFLOPS, 80 GB, 2039 GB/s, NVLink 600 GB/s both ways.
    Chip("A100", 312e12, 80e9, 2039e9, 300e9, ("a100",)),
)


def chip_of(kind: str) -> Chip | None:
    """The chip of a `jax.Device.device_kind`; None for one that is not in the table, such as a CPU."""
    return next((chip for chip in CHIPS if any(part in kind.lower() for part in chip.kinds)), None)
