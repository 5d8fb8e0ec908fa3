"""A private certificate authority for the local mail server, the server's certificate, and one that an app
registration proves itself with."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .instance import LOOPBACK, write

YEARS = 10


def ensure(folder: Path) -> None:
    """Makes `ca.pem`, `server.pem` and `server.key`, unless they are there."""
    if (folder / "server.pem").exists():
        return
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Postroom local stack")
    ca = (
        _certificate(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    server = (
        _certificate(_name("localhost"), ca_name, server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write(folder / "ca.pem", _pem(ca))
    write(folder / "server.key", _key_pem(server_key), mode=0o600)
    write(folder / "server.pem", _pem(server))


def ensure_client(folder: Path) -> None:
    """Makes `client.pem` and `client.key`, unless they are there: RSA, as Microsoft wants it."""
    if (folder / "client.pem").exists():
        return
    name, key = _name("Postroom app registration"), rsa.generate_private_key(65537, 2048)
    write(folder / "client.key", _key_pem(key), mode=0o600)
    write(folder / "client.pem", _pem(_certificate(name, name, key).sign(key, hashes.SHA256())))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: CertificateIssuerPrivateKeyTypes
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(**uses: bool) -> x509.KeyUsage:
    none = dict.fromkeys(
        (
            "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
            "key_cert_sign crl_sign encipher_only decipher_only"
        ).split(),
        False,
    )
    return x509.KeyUsage(**{**none, **uses})


def _key_pem(key: CertificateIssuerPrivateKeyTypes) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
