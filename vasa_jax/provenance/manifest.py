"""The signed statement in a file: a C2PA manifest, written into an mp4, PNG or JPEG and read back.

It says in the words of the standard (C2PA 2.2, section 18.15) that the file was created by a trained algorithm, and in
an assertion of our own, `org.vasa-jax.run`, all that `record` holds and which label is seen. The same stands beside it
in plain fields (see `plain_fields`), which anyone can read and anyone can change.
"""

import json
import mimetypes
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vasa_jax.errors import UserError
from vasa_jax.provenance.record import Record
from vasa_jax.provenance.signing_key import SigningKey, load_key, own_root

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
ASSERTION = "org.vasa-jax.run"
VALID, ALTERED, MISSING = "valid", "altered", "missing"
# What the reader says of a signature by someone whom it does not know; whether they are known is told apart.
UNKNOWN_SIGNER = "signingCredential.untrusted"
# Files may bear any name, so those of the kinds that are written here are told by where and how they begin.
BEGINNINGS = {"video/mp4": (4, b"ftyp"), "image/png": (0, b"\x89PNG"), "image/jpeg": (0, b"\xff\xd8\xff")}
# Every manifest store is a JUMBF box of this type (C2PA 2.2, section 11.1.4.2), whatever the file around it.
STORE = bytes.fromhex("6332706100110010800000aa00389b71")


@dataclass(frozen=True)
class Statement:
    """What a file's manifest says.

    Attributes:
      signature: VALID, ALTERED (the file or the manifest was changed since, or the signature is not one) or MISSING.
      own: signed with this machine's own key.
      run: the assertion about the run; None where it is not one of ours.
      generator: the program that made it, as it names itself.
    """

    signature: str
    own: bool = False
    run: Mapping[str, Any] | None = None
    generator: str | None = None


def sign(path: str | Path, target: str | Path, record: Record, label: str, key: SigningKey | None = None) -> None:
    """Copy a finished file to `target`, with the manifest.

    Args:
      label: the visible label's words, or that there is none.
      key: to sign with; None for the user's, which may be made for it.

    Raises:
      UserError: there is no key that can sign.
    """
    import c2pa

    key = load_key() if key is None else key
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, key.certificates, key.private_key, None)
    try:
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(_claim(Path(target).name, record, label)) as builder:
            with open(path, "rb") as source, open(target, "w+b") as signed:
                builder.sign(signer, _media_type(path), source, signed)
    except c2pa.C2paError as error:
        raise UserError(f"the file could not be signed ({error}); see --signing") from error


def read_statement(path: str | Path) -> Statement:
    """The statement of a file of any kind."""
    import c2pa

    trusted = _context(own_root())
    try:
        with open(path, "rb") as file, c2pa.Reader(_media_type(path), file, context=trusted) as reader:
            store = json.loads(reader.json())
    except c2pa.C2paError:  # the file, its kind or the manifest is not understood; the message does not tell which
        return Statement(ALTERED if _has_store(path) else MISSING)
    return _statement(store)


def _statement(store: Mapping[str, Any]) -> Statement:
    manifest = store["manifests"][store["active_manifest"]]
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = {failure["code"] for failure in failures}
    run = next((one["data"] for one in manifest.get("assertions", []) if one["label"] == ASSERTION), None)
    generators = manifest.get("claim_generator_info") or [{}]
    name = " ".join(str(generators[0][part]) for part in ("name", "version") if part in generators[0])
    signature = ALTERED if codes - {UNKNOWN_SIGNER} else VALID
    return Statement(signature, signature == VALID and UNKNOWN_SIGNER not in codes, run, name or None)


def _claim(title: str, record: Record, label: str) -> str:
    software = {"name": "vasa-jax", "version": record.version}
    created = {
        "action": "c2pa.created",
        "when": record.time,
        "softwareAgent": software,
        "digitalSourceType": SOURCE_TYPE,
        "description": "a talking face, made of a portrait by a trained model",
    }
    claim = {
        "claim_generator_info": [software],
        "title": title,
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [created]}},
            {"label": ASSERTION, "data": describe(record, label)},
        ],
    }
    return json.dumps(claim)


def describe(record: Record, label: str) -> dict[str, Any]:
    """The run in plain fields, for a manifest and for people."""
    return {
        "model": record.model,
        "model_code": f"{record.model_code:03x}",
        "version": record.version,
        "run": record.run,
        "time": record.time,
        "inputs_sha256": dict(record.inputs),
        "consent": record.consent,
        "visible_label": label,
        "invisible_mark": "in every frame",
    }


def _context(root: str | None) -> Any:
    import c2pa

    settings: dict[str, Any] = {"verify": {"verify_trust": True}}
    if root is not None:
        settings["trust"] = {"user_anchors": root}
    return c2pa.Context.from_dict(settings)


def _media_type(path: str | Path) -> str:
    with open(path, "rb") as file:
        head = file.read(16)
    for kind, (start, letters) in BEGINNINGS.items():
        if head[start:].startswith(letters):
            return kind
    return mimetypes.guess_type(str(path))[0] or "video/mp4"


def _has_store(path: str | Path) -> bool:
    """A manifest is there, or was."""
    if not Path(path).stat().st_size:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(STORE) >= 0
