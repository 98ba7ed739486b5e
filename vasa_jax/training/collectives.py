"""What a compiled program sends between devices, read from its text.

XLA puts the collectives in when it splits a program over a mesh, so only what it has compiled tells them.
"""

import dataclasses
import math
import re

# Bytes that each of n devices sends of an array of `whole` bytes in a ring, the least that suffices (Chan et al. 2007,
# "Collective communication: theory, practice, and experience").
SENT = {
    "all-reduce": lambda whole, n: 2 * whole * (n - 1) / n,
    "all-gather": lambda whole, n: whole * (n - 1) / n,
    "reduce-scatter": lambda whole, n: whole * (n - 1) / n,
    "all-to-all": lambda whole, n: whole * (n - 1) / n,
    "collective-permute": lambda whole, n: whole,
}
SCATTERED = "all-reduce-scatter"  # in the name of a TPU fusion of an all-reduce and a slice: a reduce-scatter

COMPUTATION = re.compile(r"(ENTRY )?%?(?P<name>[\w.\-]+) \(.*\{$")
COLLECTIVE = re.compile(
    rf"(?:ROOT )?%?[\w.\-]+ = (?P<type>.+?) (?P<kind>{'|'.join(SENT)})(?P<start>-start)?\((?P<rest>.*)"
)
ARRAY = re.compile(r"\b(pred|[a-z]+(\d+)\w*)\[([\d,]*)\]")
CHANNEL = re.compile(r"channel_id=(\d+)")
LOOP = re.compile(r" while\(.*condition=%?(?P<condition>[\w.\-]+), body=%?(?P<body>[\w.\-]+)")
CALLED = re.compile(r"(?:calls|to_apply)=%?([\w.\-]+)|branch_computations=\{([^}]*)\}")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
LIMIT = re.compile(r" = s\d+\[\]\S* constant\((\d+)\)")


@dataclasses.dataclass(frozen=True)
class Traffic:
    """All collectives of one kind in a program.

    Attributes:
      count: how many are run.
      sent: bytes that leave each device, in a ring.
    """

    count: int = 0
    sent: float = 0.0


def traffic(text: str, devices: int) -> dict[str, Traffic]:
    """Kind -> what one run of the program sends; what stands in a loop counts as often as the loop turns.

    Args:
      text: `jax.stages.Compiled.as_text()`: HLO after the split over devices.
      devices: how many run it.
    """
    bodies = _computations(text)
    times = _times(bodies)
    found: dict[str, Traffic] = {}
    seen = set()
    for name, lines in bodies.items():
        for match in filter(None, map(COLLECTIVE.match, lines)):
            kind = "reduce-scatter" if name.startswith(SCATTERED) else match["kind"]
            channel = CHANNEL.search(match["rest"])
            mark = (match["kind"], channel[1] if channel else match[0])
            if mark not in seen:  # a TPU's asynchronous one is written at its start, on its way and at its end
                seen.add(mark)
                before = found.get(kind, Traffic())
                sent = before.sent + times[name] * _sent(match, kind, devices)
                found[kind] = Traffic(before.count + times[name], sent)
    return found


def _computations(text: str) -> dict[str, list[str]]:
    """Name -> instructions of each computation in the order of the text, callees first; that of the entry is ""."""
    bodies: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in map(str.strip, text.splitlines()):
        head = COMPUTATION.match(line)
        if head:
            lines = bodies.setdefault("" if head[1] else head["name"], [])
        else:
            lines.append(line)
    return bodies


def _times(bodies: dict[str, list[str]]) -> dict[str, int]:
    """How often each computation runs; one of several branches, as if it were always taken."""
    times = dict.fromkeys(bodies, 0)
    times[""] = 1
    for name in reversed(bodies):
        for line in bodies[name] if times[name] else ():
            loop = LOOP.search(line)
            called = [(loop["body"], _trips(line, bodies[loop["condition"]]))] if loop else []
            for one, branches in CALLED.findall(line):
                called += [(each, 1) for each in re.findall(r"[\w.\-]+", one or branches)]
            for callee, turns in called:
                times[callee] = times.get(callee, 0) + times[name] * turns
    return times


def _trips(line: str, condition: list[str]) -> int:
    """How often a loop turns: as it is noted, or the one number that its counter is compared with; 1 if unknown."""
    noted = TRIPS.search(line)
    limits = [int(match[1]) for match in map(LIMIT.search, condition) if match]
    return int(noted[1]) if noted else limits[0] if len(limits) == 1 else 1


def _sent(match: re.Match, kind: str, devices: int) -> float:
    """Bytes that a device sends in one run of a collective."""
    sizes = [_bytes(*array) for array in ARRAY.findall(match["type"])]
    group = _group(match["rest"], devices)
    if match["start"] and kind == "collective-permute":
        sizes = sizes[1:2]  # what goes in, what comes out, two counters
    elif match["start"] and kind == "all-gather":
        sizes = sizes[len(sizes) // 2 :]  # all that goes in, all that comes out
    whole = sum(sizes) * (group if match["kind"] == "reduce-scatter" else 1)
    return float(SENT[kind](whole, group))


def _bytes(name: str, bits: str, shape: str) -> float:
    return math.prod(int(n) for n in shape.split(",") if n) * int(bits or 8) / 8


def _group(rest: str, devices: int) -> int:
    """How many devices take part with one another, in the three ways that HLO says so; without any, all.

    `{{0,1},{2,3}}` lists them, `[groups,size]<=[...]` counts them, `mesh['a'=4,'b'=2] {'b'}` names axes of a mesh or,
    as in `{'a':(1)2}`, a part of one.
    """
    listed = re.search(r"replica_groups=\{\{([\d,]+)\}", rest)
    if listed:
        return listed[1].count(",") + 1
    counted = re.search(r"replica_groups=\[\d+,(\d+)\]", rest)
    if counted:
        return int(counted[1])
    named = re.search(r"replica_groups=mesh\[([^\]]*)\][^{]*\{([^}]*)\}", rest)
    if named:
        sizes = dict(re.findall(r"'([^']+)'=(\d+)", named[1]))
        axes = re.findall(r"'([^']+)'(?::\(\d+\)(\d+))?", named[2])
        return math.prod(int(part or sizes[axis]) for axis, part in axes)
    return devices
