"""Which addresses a webhook may have, and that no connection is ever made to an address inside a private network."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.db.webhook_deliveries import ClaimedDelivery
from pointsman.webhooks import attempt as attempts
from pointsman.webhooks import targets
from pointsman.webhooks.attempt import Outcome, attempt
from pointsman.webhooks.targets import TargetRefused, check_url, is_public, resolve_public
from tests.harness.hostile_server import (
    Answer,
    drip_body,
    drip_head,
    endless_body,
    endless_head,
    gzip_bomb,
    serve_hostile,
)
from tests.harness.tls_proxy import CertificateAuthority
from tests.harness.webhook_receiver import run_receiver

NAME = "hooks.example.org"
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1", "fec0::1",
    "5f00::1", "3fff::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet(address: str) -> None:
    assert is_public(address)


GOOD_URLS = [
    "https://hooks.example.org", "https://hooks.example.org/a/b?c=d@e", "https://hooks.example.org:8443/",
    "https://hooks.example.org:443/", "HTTPS://Hooks.Example.ORG/", "https://xn--bcher-kva.example/",
    "https://a_b.example.org/", "https://a.b.c.d.example.co.uk/", "https://local.example.org/", "https://8.example.org/",
]  # fmt: skip
BAD_URLS = [
    "", "hooks.example.org", "//hooks.example.org", "ftp://hooks.example.org", "http://hooks.example.org/",
    "https://", "https:///path", "https://user@hooks.example.org/", "https://user:word@hooks.example.org/",
    "https://hooks.example.org/#x", "https://hooks.example.org:80/", "https://hooks.example.org:22/",
    "https://hooks.example.org:0443000/", "https://hooks.example.org:/", "https://hooks.example.org\\@10.0.0.1/",
    "https://hooks.example.org/\n", " https://hooks.example.org/", "https://hooks.example.org/ü", "https://hööks.org/",
    "https://8.8.8.8/", "https://[2606:4700:4700::1111]/", "https://hooks.example.org/a\\b", "https://a.home.arpa/",
    "https://localhost/", "https://localhost:8443/", "https://printer.local/",
    "https://hoo\u212as.example.org/", "https://printer.LOCAL/", "https://a.internal/",
    "https://a.localhost/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://10.0.0.1:8443/", "https://[::1]/", "https://[fd00::1]/",
    "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/meta-data/", "https://single/", "https://a..org/",
    "https://-a.org/", "https://hooks.example.org./", "https://%31%32%37.0.0.1/", "https://[fe80::1%25eth0]/",
    f"https://{'a' * 300}.org/",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD_URLS)
def test_an_address_that_may_be_registered(url: str) -> None:
    assert check_url(url, allows_loopback=False) == url


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_that_may_not(url: str) -> None:
    with pytest.raises(ValueError, match="must be an https address"):
        check_url(url, allows_loopback=False)


def test_only_loopback_is_allowed_besides_on_a_local_stack() -> None:
    for url in ("http://127.0.0.1:9000/x", "http://localhost", "https://[::1]:1/"):
        assert check_url(url, allows_loopback=True) == url
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://127.0.0.2/", "http://hooks.example.org/"):
        with pytest.raises(ValueError, match="must be an https address"):
            check_url(url, allows_loopback=True)


Resolver = Callable[[list[str]], list[str]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[list[str]]], list[str]]:
    """Lets NAME have other addresses each time that it is resolved; returns how often it was."""

    def install(answers: list[list[str]]) -> list[str]:
        asked: list[str] = []
        original = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
            if host != NAME:
                return original(host, port, *args, **options)
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return install


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses to which a connection is attempted; none of them succeeds."""
    attempted: list[str] = []

    def refuse(address: tuple[str, int], *_args: Any, **_options: Any) -> socket.socket:
        attempted.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return attempted


def make_claimed(url: str) -> ClaimedDelivery:
    return ClaimedDelivery("msg_1", "attempt-1", 1, "{}", "wh_1", "user:1", url, 1, False)


def send(url: str, *, allows_loopback: bool = False) -> Outcome:
    return attempt(make_claimed(url), ["key"], allows_loopback=allows_loopback)


@pytest.mark.parametrize("address", [*PRIVATE[:12], "::1", "::ffff:127.0.0.1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"])
def test_a_name_of_which_any_address_is_private_is_not_connected_to(
    resolver: Callable[[list[list[str]]], list[str]], connections: list[str], address: str
) -> None:
    resolver([["8.8.8.8", address]])
    outcome = send(f"https://{NAME}/")
    assert outcome.error == "The target has an address inside a private network, which is never connected to"
    assert connections == []


def test_a_name_that_changes_its_address_after_the_check_is_connected_to_where_it_was_checked(
    resolver: Callable[[list[list[str]]], list[str]], connections: list[str]
) -> None:
    asked = resolver([["8.8.8.8", "1.1.1.1"], ["127.0.0.1"]])
    assert send(f"https://{NAME}/").error == "No connection to the target"
    assert (asked, connections) == ([NAME], ["8.8.8.8", "1.1.1.1"])


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://127.1/"])
def test_an_address_that_was_registered_in_another_way_is_not_connected_to(url: str, connections: list[str]) -> None:
    assert "private network" in str(send(url).error)
    assert connections == []


def test_a_name_without_an_address(resolver: Callable[[list[list[str]]], list[str]]) -> None:
    resolver([[]])
    assert send(f"https://{NAME}/").error == "The name of the target does not resolve to an address"


def test_a_resolver_that_does_not_answer_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(targets, "_RESOLVE_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: released.wait(30) and [])
    with pytest.raises(TargetRefused, match="does not resolve"):
        resolve_public(NAME, 443, allows_loopback=False)
    released.set()


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with run_receiver() as receiver:
        assert send(receiver.url, allows_loopback=True) == Outcome(204, None)


@pytest.fixture
def tls_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[str]]]:
    """A target on loopback with a certificate for NAME: its port, and the names and hosts that its clients ask for."""
    authority, asked = CertificateAuthority.create(), list[str]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(tmp_path, NAME))
    context.sni_callback = lambda _socket, name, _context: asked.append(str(name))
    trusting = ssl.create_default_context(cadata=authority.pem)
    monkeypatch.setattr(attempts, "create_tls_context", lambda *, verify: trusting)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as stream:
                        head = ""
                        # All of it: what is not read would reset the connection.
                        while not head.endswith("\r\n\r\n{}"):
                            received = stream.recv(65536)
                            if not received:
                                raise ConnectionResetError
                            head += received.decode()
                        asked.extend(line[6:] for line in head.splitlines() if line.lower().startswith("host: "))
                        stream.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_the_checked_address_is_asked_for_the_name_and_shows_its_certificate(
    resolver: Callable[[list[list[str]]], list[str]], tls_target: tuple[int, list[str]]
) -> None:
    port, asked = tls_target
    resolver([["127.0.0.1"]])
    assert send(f"https://{NAME}:{port}/hook", allows_loopback=True) == Outcome(204, None)
    assert asked == [NAME, f"{NAME}:{port}"]


def test_a_certificate_of_another_name_is_refused(tls_target: tuple[int, list[str]]) -> None:
    port, _ = tls_target
    outcome = send(f"https://127.0.0.1:{port}/", allows_loopback=True)
    assert str(outcome.error).startswith("The TLS handshake failed")


@pytest.mark.parametrize("answer", [drip_body, endless_body, gzip_bomb(100)])
def test_the_body_of_a_response_is_not_read(answer: Answer) -> None:
    with serve_hostile(answer) as url:
        assert send(url, allows_loopback=True) == Outcome(200, None)


@pytest.mark.parametrize(("answer", "error"), [
    (drip_head, "No response within 0.5 seconds"),
    (endless_head, "The connection ended without a valid response"),
    (lambda connection: connection.sendall(b"SSH-2.0-x\r\n"), "The connection ended without a valid response"),
    (lambda connection: None, "The connection ended without a valid response"),
])  # fmt: skip
def test_a_response_that_is_none_ends_the_attempt(answer: Answer, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "ATTEMPT_SECONDS", 0.5)
    with serve_hostile(answer) as url:
        outcome = send(url, allows_loopback=True)
    assert (outcome.status, outcome.error) == (None, error)
