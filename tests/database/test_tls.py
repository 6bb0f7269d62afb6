"""Connections over TLS, with certificates made here, to the stack's Postgres."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.stack.stack import Stack
from pointsman.db import connection
from pointsman.db.connection import run_in_transaction
from pointsman.db.migrations import database
from pointsman.errors import DatabaseUnavailable, InvalidSetting
from pointsman.settings.database import TlsSettings
from tests.harness.tls_proxy import CertificateAuthority, serve_tls


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create()


@pytest.fixture
def encrypted_url(
    stack: Stack, authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The stack's database behind TLS, with a certificate for 127.0.0.1; also SERVICE_DATABASE_URL."""
    for name in ("DATABASE_SSLMODE", "DATABASE_CA", "DATABASE_CA_PEM"):
        monkeypatch.delenv(name, raising=False)
    parts = urlsplit(stack.database_url)
    assert parts.port is not None
    with serve_tls(authority.issue(tmp_path, "127.0.0.1"), parts.port) as port:
        url = stack.database_url.replace(f":{parts.port}/", f":{port}/")
        monkeypatch.setenv("SERVICE_DATABASE_URL", url)
        connection.close()
        yield url
        connection.close()


def is_encrypted() -> bool:
    """Whether the process's connection uses TLS."""
    return run_in_transaction(lambda db: db.pgconn.ssl_in_use)


def refusal() -> str:
    with pytest.raises(DatabaseUnavailable) as raised:
        is_encrypted()
    return raised.value.message


def test_verify_full_accepts_the_right_ca_and_host(
    encrypted_url: str, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_CA_PEM", authority.pem)
    assert is_encrypted()
    with database.connect(encrypted_url, "The database") as migration:
        assert migration.pgconn.ssl_in_use
    connection.close()
    monkeypatch.delenv("DATABASE_CA_PEM")
    (path := tmp_path / "ca.pem").write_text(authority.pem)
    monkeypatch.setenv("DATABASE_CA", str(path))
    assert is_encrypted()


@pytest.mark.parametrize("has_pem", [False, True])
def test_verify_full_refuses_another_ca(encrypted_url: str, has_pem: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the same name; and the system's, among which the test's is not."""
    monkeypatch.setenv("DATABASE_CA_PEM", CertificateAuthority.create().pem if has_pem else "")
    assert "not of an accepted CA: give the CA by DATABASE_CA_PEM" in refusal()
    with pytest.raises(
        DatabaseUnavailable, match="The pool's database cannot be reached: its certificate is not of an"
    ):
        database.connect(encrypted_url, "The pool's database")


def test_verify_full_refuses_another_host_and_verify_ca_accepts_it(
    encrypted_url: str, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CA_PEM", authority.pem)
    monkeypatch.setenv("SERVICE_DATABASE_URL", encrypted_url.replace("127.0.0.1", "localhost"))
    message = refusal()
    assert "its certificate is for another host" in message
    assert "localhost" not in message
    monkeypatch.setenv("DATABASE_SSLMODE", "verify-ca")
    assert is_encrypted()


def test_server_without_tls_is_refused(stack: Stack, encrypted_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", stack.database_url)
    assert "it offers no TLS: enable it on the server" in refusal()


def test_url_that_states_a_mode_wins(stack: Stack, encrypted_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_DATABASE_URL", f"{encrypted_url}?sslmode=require")
    assert is_encrypted()
    connection.close()
    monkeypatch.setenv("SERVICE_DATABASE_URL", f"{stack.database_url}?sslmode=disable")
    assert not is_encrypted()


def test_url_that_states_a_ca_wins(
    encrypted_url: str, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (path := tmp_path / "ca.pem").write_text(authority.pem)
    monkeypatch.setenv("SERVICE_DATABASE_URL", f"{encrypted_url}?sslrootcert={path}")
    assert is_encrypted()
    connection.close()
    monkeypatch.setenv("SERVICE_DATABASE_URL", f"{encrypted_url}?sslmode=verify-full&sslrootcert={path}x")
    assert "the file with its CA cannot be read" in refusal()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"DATABASE_SSLMODE": "disable"}, "DATABASE_SSLMODE"),
        ({"DATABASE_SSLMODE": "verify-ca"}, "DATABASE_SSLMODE"),
        ({"DATABASE_CA": "bundle.pem"}, "DATABASE_CA"),
        ({"DATABASE_CA_PEM": "bundle.pem"}, "DATABASE_CA_PEM"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("DATABASE_SSLMODE", "DATABASE_CA", "DATABASE_CA_PEM"):
        monkeypatch.setenv(key, settings.get(key, ""))
    with pytest.raises(InvalidSetting, match=f"{name} is wrong"):
        TlsSettings.load()
