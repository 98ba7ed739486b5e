"""What the flags of `infer.py` ask for, as values that are checked; nothing heavy is imported to find a mistake."""

import argparse
from typing import Any


def controls_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `Animator.animate`, checked."""
    from dataclasses import fields

    from vasa_jax.inference.controls import Controls, parse_gaze

    names = [field.name for field in fields(Controls)]
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if "gaze" in given:
        given["gaze"] = parse_gaze(given["gaze"])
    return vars(Controls(**given))


def touches_of(arguments: argparse.Namespace) -> Any:
    """What is changed of the motion, checked."""
    from vasa_jax.inference.controls import parse_look, parse_turn
    from vasa_jax.inference.touches import Touches

    given = {name: getattr(arguments, name) for name in ("eyes", "lips", "landmarks")}
    if arguments.expression_strength is not None:
        given["strength"] = arguments.expression_strength
    if arguments.pose_offset is not None:
        given["turn"] = parse_turn(arguments.pose_offset)
    if arguments.look is not None:
        given["look"] = parse_look(arguments.look)
    return Touches(**given)


def provenance_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Label and key, checked."""
    from vasa_jax.provenance.label import Label
    from vasa_jax.provenance.signing_key import load_key

    names = {"label": "text", "label_place": "place", "label_language": "language", "label_font": "font"}
    given = {field: getattr(arguments, flag) for flag, field in names.items() if getattr(arguments, flag) is not None}
    return {"label": Label(**given), "key": load_key(arguments.signing)}


def size_of(arguments: argparse.Namespace) -> int | None:
    """The output's side, checked; None where it is not given."""
    from vasa_jax.inference.video_file import check_size

    return None if arguments.output_size is None else check_size(arguments.output_size)


def source_of(arguments: argparse.Namespace) -> Any:
    """The portrait, read."""
    from vasa_jax import pretrained
    from vasa_jax.inference.portrait import read_portrait

    return read_portrait(arguments.source or pretrained.portrait())


def placed(animator: Any, portrait: Any, arguments: argparse.Namespace) -> tuple[Any, bool, Any]:
    """The portrait, whether the animator crops it, and the setting that frames are put back into; with --paste_back the
    portrait is cut out here, so that both speak of the same square."""
    from vasa_jax.inference.crop import cut_square
    from vasa_jax.inference.paste import setting_of
    from vasa_jax.inference.portrait import MIN_SIDE

    crop = not arguments.no_crop
    if not arguments.paste_back:
        return portrait, crop, None
    square = animator.square(portrait, crop)
    size = max(animator.image_size, MIN_SIDE)
    return cut_square(portrait, *square, size), False, setting_of(portrait, square)
