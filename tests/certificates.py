"""Certificates for the TLS receivers of the tests: one good and one of each kind that must be refused.

Used by `tests.receivers`; made once per process in a temporary folder that goes with it.
"""

import datetime
import functools
import ssl
import tempfile
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

IMAGEKIT = ("api.imagekit.io", "upload.imagekit.io")
"""The origins that old SDKs cannot be talked out of."""


def server_context(kind: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates()[kind])
    return context


@functools.cache
def certificates() -> dict[str, Path]:
    """PEM files made once per process: "ca", and key with certificate for each value of `Receiver(tls=...)`."""
    folder = tempfile.TemporaryDirectory(prefix="receivers-")
    _kept.append(folder)
    ca_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Test Authority", ca_key, issuer=None, signer=ca_key)
    good = ("receiver.test", "localhost", "127.0.0.1")
    made = {
        "good": _certificate("receiver.test", own_key, issuer=ca, signer=ca_key, names=good),
        "expired": _certificate("receiver.test", own_key, issuer=ca, signer=ca_key, names=good, age_days=400),
        "wrong-name": _certificate("other.test", own_key, issuer=ca, signer=ca_key, names=("other.test",)),
        "imagekit": _certificate("api.imagekit.io", own_key, issuer=ca, signer=ca_key, names=IMAGEKIT),
        "self-signed": _certificate("receiver.test", own_key, issuer=None, signer=own_key, names=good),
    }
    private = own_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = {"ca": Path(folder.name) / "ca.pem"}
    files["ca"].write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for kind, certificate in made.items():
        files[kind] = Path(folder.name) / f"{kind}.pem"
        files[kind].write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return files


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Certificate | None,
    signer: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...] = (),
    age_days: int = 1,
) -> x509.Certificate:
    """A certificate valid for 365 days from `age_days` ago; without an issuer it signs itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age_days)
    is_authority = issuer is None and not names
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        # Without these three, clients that are strict about RFC 5280 (Python 3.13) refuse the chain.
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        alternatives = [_general_name(text) for text in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(is_authority: bool) -> x509.KeyUsage:
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    allowed = {"key_cert_sign", "crl_sign"} if is_authority else {"digital_signature"}
    return x509.KeyUsage(**{name: name in allowed for name in names})


def _general_name(text: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(text)) if text[0].isdigit() else x509.DNSName(text)
