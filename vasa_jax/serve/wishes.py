"""What a client may say beside its files: fields of a form, or of a line of JSON, checked and turned into controls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.inference.controls import Controls, parse_gaze
from vasa_jax.serve.limits import STEPS, Refused

NUMBERS = ("audio_cfg", "gaze_cfg", "distance_cfg", "emotion_cfg", "distance", "blinks")
WHOLE_NUMBERS = ("seed", "steps")
TRUTHS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
CONTROLS = (*WHOLE_NUMBERS, *NUMBERS, "gaze", "emotion", "fast")
CHANGES = ("gaze", "distance", "emotion")
MAX_CONSENT = 500


@dataclass(frozen=True)
class Wishes:
    """Of one client.

    Attributes:
      controls: fields of `controls.Controls` that it gave, checked.
      crop: find the face in the portrait and frame it.
      consent: who agreed to be shown, and how, in its words; None if it does not say.
    """

    controls: Mapping[str, Any] = field(default_factory=dict)
    crop: bool = True
    consent: str | None = None


def parse(given: Mapping[str, Any]) -> Wishes:
    """From names and values, which may be text; empty ones count as not given.

    Raises:
      Refused: an unknown name, or a value that is none.
    """
    given = {name: value for name, value in given.items() if value not in ("", None)}
    consent = str(given.pop("consent", "")).strip() or None
    if consent is not None and len(consent) > MAX_CONSENT:
        raise Refused(422, f"the consent is told in at most {MAX_CONSENT} letters")
    crop = _truth("crop", given.pop("crop", True))
    return Wishes(controls(given), crop, consent)


def controls(given: Mapping[str, Any], known: tuple[str, ...] = CONTROLS) -> dict[str, Any]:
    """Checked fields of `controls.Controls`; raises as `parse` does."""
    if stray := sorted(given.keys() - set(known)):
        raise Refused(422, f"no field is called {stray[0]!r}; there are {', '.join(known)}")
    try:
        values = {name: _value(name, value) for name, value in given.items()}
        Controls(**values)
    except UserError as error:
        raise Refused(422, str(error)) from error
    if values.get("steps", STEPS[0]) not in STEPS:
        raise Refused(422, f"the number of steps is {', '.join(map(str, STEPS[:-1]))} or {STEPS[-1]} here")
    return values


def _value(name: str, value: Any) -> Any:
    if name == "gaze":
        return parse_gaze(",".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
    if name == "fast":
        return _truth(name, value)
    if name == "emotion":
        return str(value)
    try:
        return int(value) if name in WHOLE_NUMBERS else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        kind = "a whole number" if name in WHOLE_NUMBERS else "a number"
        raise Refused(422, f"{name} is {kind}, not {str(value)[:40]!r}") from error


def _truth(name: str, value: Any) -> bool:
    word = str(value).lower()
    if word not in TRUTHS:
        raise Refused(422, f"{name} is true or false, not {word[:40]!r}")
    return TRUTHS[word]
