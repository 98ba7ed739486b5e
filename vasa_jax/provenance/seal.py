"""The last step of every file that leaves the package: plain fields, then the signature over all of it."""

import os
import tempfile
from pathlib import Path

from vasa_jax.provenance.label import Label
from vasa_jax.provenance.manifest import sign
from vasa_jax.provenance.plain_fields import append_to_mp4, xmp
from vasa_jax.provenance.record import Record
from vasa_jax.provenance.signing_key import SigningKey


def seal_video(path: str | Path, record: Record, label: Label, key: SigningKey | None = None) -> None:
    """Fields and manifest into a finished mp4, in its place.

    Raises:
      UserError: there is no key that can sign.
    """
    append_to_mp4(path, xmp(record, label.words))
    seal(path, record, label, key)


def seal(path: str | Path, record: Record, label: Label, key: SigningKey | None = None) -> None:
    """The manifest into a finished file that has its fields already, in its place; see `seal_video`."""
    path = Path(path)
    handle, signed = tempfile.mkstemp(prefix=".signed-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        sign(path, signed, record, label.words, key)
        os.chmod(signed, path.stat().st_mode & 0o777)
        os.replace(signed, path)
    finally:
        Path(signed).unlink(missing_ok=True)
