"""Is a file ours? What each layer says, and the answer that follows from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vasa_jax.provenance.manifest import ALTERED, MISSING, VALID, Statement, read_statement
from vasa_jax.provenance.mark.reader import Reading, read
from vasa_jax.provenance.mark.thumbnails import read_thumbnails

INTACT, TRACES, NOTHING = "intact", "traces", "nothing"
WORDS = {
    INTACT: "made by vasa-jax, and unchanged since",
    TRACES: "made by vasa-jax, or from what it made; not all marks are left as they were",
    NOTHING: "no trace of vasa-jax",
}
# Of `python -m vasa_jax.provenance`; 2 is a file that cannot be read.
EXIT_STATUS = {INTACT: 0, TRACES: 1, NOTHING: 3}


@dataclass(frozen=True)
class Report:
    """What was found in one file.

    Attributes:
      outcome: INTACT, TRACES or NOTHING.
      statement: of the manifest.
      reading: of the invisible mark.
    """

    outcome: str
    statement: Statement
    reading: Reading

    @property
    def agree(self) -> bool | None:
        """Manifest and mark name the same run; None where one of them does not say."""
        if self.statement.run is None or self.reading.payload is None:
            return None
        return str(self.statement.run.get("run", ""))[:6] == f"{self.reading.payload.run:06x}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        payload = self.reading.payload
        mark = {"found": self.reading.found, "z": round(self.reading.z, 2), "needed": round(self.reading.needed, 2)}
        if payload is not None:
            mark["payload"] = {
                "version": payload.version, "model_code": f"{payload.model:03x}", "run": f"{payload.run:06x}",
            }  # fmt: skip
        if self.reading.found and not self.reading.place.is_whole:
            mark["picture_over_the_frame"] = {
                name: round(value, 3) for name, value in asdict(self.reading.place).items()
            }
        return {
            "outcome": self.outcome,
            "signature": self.statement.signature,
            "signed_with_own_key": self.statement.own,
            "manifest": dict(self.statement.run) if self.statement.run is not None else None,
            "mark": mark,
            "manifest_and_mark_agree": self.agree,
        }


def check(path: str | Path) -> Report:
    """Look for manifest and mark in a picture or video.

    Raises:
      UserError: it cannot be read.
    """
    clip = read_thumbnails(path)
    statement, reading = read_statement(path), read(clip)
    report = Report(NOTHING, statement, reading)
    ours = statement.run is not None
    if ours and statement.signature == VALID and reading.found and report.agree is not False:
        return Report(INTACT, statement, reading)
    return Report(TRACES, statement, reading) if ours or reading.found else report


def in_words(report: Report) -> str:
    """Some lines for people."""
    return "\n".join([f"{WORDS[report.outcome]}", f"signature: {_signature(report)}", f"mark: {_mark(report.reading)}"])


def _signature(report: Report) -> str:
    statement = report.statement
    if statement.signature == MISSING:
        return "missing"
    said = f" It says: {_run(statement.run)}." if statement.run is not None else " It is of another program."
    if statement.signature == ALTERED:
        return f"altered: file or manifest were changed after signing.{said}"
    who = "this machine's own key" if statement.own else "a key that this machine does not know"
    clash = " But the mark in the picture names another run." if report.agree is False else ""
    return f"valid, by {who}.{said}{clash}"


def _run(run: Mapping[str, Any]) -> str:
    parts = ("model", "version", "run", "time", "consent", "visible_label")
    return ", ".join(f"{part.replace('_', ' ')} {run.get(part, 'missing')}" for part in parts)


def _mark(reading: Reading) -> str:
    measured = f"z {reading.z:.1f} where {reading.needed:.1f} is needed"
    if not reading.found:
        return f"not found ({measured})"
    cropped = reading.place.height < 1 or reading.place.width < 1
    where = "" if reading.place.is_whole else ", in a cropped frame" if cropped else ", within a larger picture"
    if reading.payload is None:
        return f"found{where}, too weak to be read ({measured})"
    payload = reading.payload
    return f"found{where}: run {payload.run:06x}, model {payload.model:03x}, version {payload.version} ({measured})"
