"""The key that manifests are signed with: the user's own, or one that is made once on this machine.

A PEM file holds the private key (PKCS#8, P-256, no password), its certificate, and those that signed it. Where none is
named it is `vasa_jax/signing_key.pem` in the user's config folder, $XDG_CONFIG_HOME or ~/.config, for the user's eyes
alone. A key made here is signed by a root made for it, whose own key is thrown away: it shows that two videos come
from one place and that nobody changed them since, not who that is.
"""

import datetime
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vasa_jax.errors import UserError

CERTIFICATE = "-----BEGIN CERTIFICATE-----"
YEARS = 10
ORGANISATION = "vasa-jax, a key made on this machine"


@dataclass(frozen=True)
class SigningKey:
    """What signs: PEM texts.

    Attributes:
      private_key: PKCS#8.
      certificates: the signer's first.
    """

    private_key: bytes
    certificates: bytes

    def __repr__(self) -> str:
        return "SigningKey(private)"


def default_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "vasa_jax" / "signing_key.pem"


def load_key(path: str | Path | None = None) -> SigningKey:
    """The key in the file; the default file is made if there is none yet.

    Raises:
      UserError: there is no such file, or the key cannot be read, made or used.
    """
    file = default_file() if path is None else Path(path)
    try:
        if path is None and not file.exists():
            _make(file)
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"no such signing key: {file}") from error
    except OSError as error:
        told = f"the signing key cannot be read or made ({error.strerror}): {file}"
        raise UserError(f"{told}; name another file by --signing") from error
    return _parse(content, file)


def own_root() -> str | None:
    """The last certificate of this machine's own key, PEM, by which its signatures are known; None without a key."""
    try:
        text = default_file().read_text()
    except OSError:
        return None
    return CERTIFICATE + text.rsplit(CERTIFICATE, 1)[1] if CERTIFICATE in text else None


def _parse(content: bytes, file: Path) -> SigningKey:
    """Key and certificates, once the first of these belongs to the key, which is of the one kind that is understood."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    begin = CERTIFICATE.encode()
    private, certificates = content.partition(begin)[0], b"".join(content.partition(begin)[1:])
    try:
        key = load_pem_private_key(private, None)
        certificate = x509.load_pem_x509_certificates(certificates)[0]
    except (ValueError, TypeError) as error:
        raise UserError(f"the signing key is damaged, has a password or no certificate: {file}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise UserError(f"the signing key is not one of the curve P-256: {file}")
    if certificate.public_key() != key.public_key():
        raise UserError(f"the first certificate does not belong to the key in: {file}")
    return SigningKey(private, certificates)


def _make(file: Path) -> None:
    """Whole or not at all, never readable by others on the way (mkstemp makes private files), and never over a key that
    another process made meanwhile."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, hidden = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(_new_key())
        with suppress(FileExistsError):
            os.link(hidden, file)
    finally:
        Path(hidden).unlink(missing_ok=True)


def _new_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("root", root_key.public_key(), "root", root_key, is_root=True)
    signer = _certificate("signer", key.public_key(), "root", root_key, is_root=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + signer.public_bytes(pem) + root.public_bytes(pem)


def _certificate(name: str, public_key: object, issuer: str, issuer_key: object, is_root: bool) -> object:
    """X.509 as C2PA 2.2, section 14.5 asks of a signer's certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)  # clocks differ
    key_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    not_for = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*not_for, "encipher_only", "decipher_only"), False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=is_root, crl_sign=is_root, **usage), critical=True
        )
        .add_extension(key_id, critical=False)
        .add_extension(issuer_id, critical=False)
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> object:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = ((NameOID.ORGANIZATION_NAME, ORGANISATION), (NameOID.COMMON_NAME, f"vasa-jax {common_name}"))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
