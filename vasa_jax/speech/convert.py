"""Make an ear of a Wav2Vec2, HuBERT or Whisper that others trained.

    python -m vasa_jax.speech.convert --weights wav2vec2-base-960h --out runs/wav2vec2
    python -m vasa_jax.data.encode_motion --face runs/face_tiny --speech runs/wav2vec2 \\
        --clips data/heads --out data/motion

What it writes is what a speech training leaves: encode_motion, release and config.teacher take it for --speech.
"""

import argparse
from pathlib import Path

from vasa_jax import room_weights
from vasa_jax.errors import UserError, leave_on_mistake
from vasa_jax.speech.frozen.read import read_encoder


def convert(weights: Path, out: Path, layer: int | None = None) -> None:
    """Writes the encoder at `weights` into `out`, see `read_encoder`.

    Raises:
      UserError: the weights cannot be used, or `out` holds a training already.
    """
    if (out / "export").exists():
        raise UserError(f"{out} holds trained weights already: remove it or name another folder")
    model, params = read_encoder(weights, layer)
    room_weights.save_room(out / "export", {"room": "speech", "model": model}, params)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m vasa_jax.speech.convert", description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, required=True, help="folder from Hugging Face, or its file of weights")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--layer", type=int, help="hidden state to take, 0 to the number of layers (default: the last)")
    given = parser.parse_args(arguments)
    with leave_on_mistake("convert"):
        convert(given.weights, given.out, given.layer)


if __name__ == "__main__":
    main()
