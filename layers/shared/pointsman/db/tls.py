"""TLS of connections to Postgres: what a connection string lacks of it, and what a failed handshake means."""

import os
from functools import cache

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..errors import InvalidSetting
from ..settings.database import TlsSettings

__all__ = ["complete_connection_string", "explain_tls_failure"]

_SYSTEM_CA_FILES = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Amazon Linux
    "/etc/ssl/certs/ca-certificates.crt",  # Debian
    "/etc/ssl/cert.pem",  # macOS, Alpine
)
"""Not libpq's `sslrootcert=system`: the OpenSSL of psycopg's wheels looks for CAs in a folder that does not exist."""

_VERIFYING_MODES = ("verify-ca", "verify-full")

_OTHER_CA = "its certificate is not of an accepted CA: give the CA by DATABASE_CA_PEM, a key of the database's secret"

_EXPLANATIONS = (
    ("certificate verify failed", _OTHER_CA),
    ("signature failure", _OTHER_CA),  # Another CA of the same name.
    ("does not match host name", "its certificate is for another host: connect by the name that the certificate has"),
    ("server does not support SSL", "it offers no TLS: enable it on the server, as DATABASE_SSLMODE requires it"),
    ("root certificate file", "the file with its CA cannot be read: correct DATABASE_CA, or sslrootcert in the URL"),
    ("could not read root certificate", "the CA cannot be read: correct DATABASE_CA or DATABASE_CA_PEM"),
)
"""Parts of libpq's messages, and what to say in their place, since those may quote the connection string."""


def complete_connection_string(url: str) -> str:
    """Add what the settings say of TLS to a connection string or URI; what it states itself wins.

    Raises:
        InvalidSetting: A setting of TLS is wrong, or this system has no file with public CAs.
        psycopg.ProgrammingError: The connection string is malformed.
    """
    stated = conninfo_to_dict(url)
    if "sslmode" in stated and (stated["sslmode"] not in _VERIFYING_MODES or "sslrootcert" in stated):
        return url
    settings = TlsSettings.load()
    parameters = {} if "sslmode" in stated else {"sslmode": settings.mode}
    if stated.get("sslmode", settings.mode) in _VERIFYING_MODES and "sslrootcert" not in stated:
        parameters["sslrootcert"] = _write_ca_file(settings.ca_pem) if settings.ca_pem else _find_ca_file(settings.ca)
    return make_conninfo(url, **parameters)


def explain_tls_failure(error: psycopg.Error) -> str | None:
    """Return what a failed handshake means and what to change, as the end of a sentence; None for another failure."""
    text = str(error)
    return next((explanation for part, explanation in _EXPLANATIONS if part in text), None)


def _find_ca_file(ca: str) -> str:
    if ca != "system":
        return ca
    for path in _SYSTEM_CA_FILES:
        if os.path.exists(path):
            return path
    raise InvalidSetting("DATABASE_CA", "the path of a file with CAs, as this system has none of its own")


@cache
def _write_ca_file(pem: str) -> str:
    """Write the certificates to a file, which libpq needs, and return its path."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="pointsman-database-ca-", suffix=".pem", delete=False) as file:
        file.write(pem)
    return file.name
