"""The TLS context of the HTTP clients: made once for the process, since it loads all CA certificates."""

import ssl

import httpx
import pytest

from pointsman.http_transport import Transport, create_httpx_client


def get_context(url: str, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Create a client of the address and return the context that it was given."""
    given: list[ssl.SSLContext] = []
    create = httpx.HTTPTransport.__init__

    def record(self: httpx.HTTPTransport, *arguments: object, **options: ssl.SSLContext) -> None:
        given.append(options["verify"])
        create(self, *arguments, **options)

    monkeypatch.setattr(httpx.HTTPTransport, "__init__", record)
    create_httpx_client(url, {}, 5, Transport()).close()
    return given[0]


def test_clients_share_a_context_that_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    context = get_context("https://one.test", monkeypatch)
    assert get_context("https://two.test", monkeypatch) is context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 0


def test_without_tls_no_certificate_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    context = get_context("http://one.test", monkeypatch)
    assert context.cert_store_stats()["x509_ca"] == 0
