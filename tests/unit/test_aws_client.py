"""The AWS client: its signature is botocore's, and connections are kept while they are young and open."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pointsman import aws_client, deadlines
from pointsman.aws_client import AwsAccess
from tests.harness.hostile_server import (
    Answer,
    drip_body,
    drip_head,
    endless_body,
    endless_head,
    send_body,
    serve_hostile,
)
from tests.harness.lambda_context import LambdaContext
from tests.harness.python_process import run_python

NOW = 1_800_000_000.0
BODY = '{"SecretId": "ä"}'


@pytest.fixture(autouse=True)
def no_kept_connections() -> Iterator[None]:
    yield
    while aws_client._idle_connections:
        aws_client._idle_connections.popitem()[1].close()


def call(url: str, read_timeout: float = 5) -> tuple[int, str]:
    access = AwsAccess("id", "key", "", "eu-central-1", url)
    return aws_client.call(access, "states", "StartExecution", BODY, connect_timeout=2, read_timeout=read_timeout)


@contextmanager
def serve(
    handle: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[int]]]:
    """Serve HTTP/1.1, with TLS if a context is given; yields the address, and the client's port of each connection."""
    ports: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            ports.append(self.client_address[1])

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            handle(self)

        def log_message(self, *_line: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Ignore clients that refuse the certificate."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", ports
        finally:
            server.shutdown()


def respond(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"{}")


@pytest.mark.parametrize("token", ["", "session-token"])
@pytest.mark.parametrize("service", ["states", "secretsmanager"])
def test_the_signature_is_botocores(monkeypatch: pytest.MonkeyPatch, service: Any, token: str) -> None:
    access = AwsAccess("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token, "eu-central-1")
    headers = aws_client.sign(access, service, "Action", "host.example:8443", BODY.encode(), NOW)
    given = {name: value for name, value in headers.items() if name in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", "https://host.example:8443/", headers=given, data=BODY)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(access.access_key, access.secret_key, token or None), service, access.region)
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["authorization"].rpartition("Signature=")[2] == signature
    assert headers["authorization"].startswith(
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{signer.scope(request).partition('/')[2]}"
    )


def test_no_credential_is_in_the_repr() -> None:
    assert repr(AwsAccess("id-x", "key-x", "token-x", "r")) == "AwsAccess(region='r', endpoint_url='')"


def test_a_connection_is_used_again_while_it_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(respond) as (url, ports):
        assert [call(url), call(url)] == [(200, "{}")] * 2
        assert len(ports) == 1
        monkeypatch.setattr(aws_client, "_MAX_IDLE_SECONDS", 0.0)
        assert call(url) == (200, "{}")
        assert len(ports) == 2


def test_a_request_on_a_connection_that_was_closed_is_sent_again_on_a_new_one() -> None:
    def respond_and_close(handler: BaseHTTPRequestHandler) -> None:
        respond(handler)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    with serve(respond_and_close) as (url, ports):
        assert [call(url), call(url), call(url)] == [(200, "{}")] * 3
        assert len(ports) == 3


def test_a_chunked_response_is_read_to_its_end() -> None:
    def respond_in_chunks(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(400)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b'3\r\n{"a\r\n4;x=y\r\n": 1\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n')

    with serve(respond_in_chunks) as (url, ports):
        assert [call(url), call(url)] == [(400, '{"a": 1}')] * 2
        assert len(ports) == 1


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    ],
)
def test_an_incomplete_or_malformed_response_is_status_0(response: bytes) -> None:
    def respond_badly(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(response)
        handler.close_connection = True

    with serve(respond_badly) as (url, _ports):
        assert call(url) == (0, "")


def test_a_response_without_a_length_ends_with_its_connection() -> None:
    def respond_until_closed(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        handler.close_connection = True

    with serve(respond_until_closed) as (url, ports):
        assert [call(url), call(url)] == [(200, "{}")] * 2
        assert len(ports) == 2


def test_no_answer_and_no_connection_are_status_0() -> None:
    with serve(lambda handler: threading.Event().wait(2)) as (url, ports):
        assert call(url, read_timeout=0.2) == (0, "")
        assert len(ports) == 1
    assert call(url) == (0, "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException"}, "ResourceNotFoundException"),
        ({"__type": "AccessDeniedException"}, "AccessDeniedException"),
        ({}, ""),
        ([], ""),
    ],
)
def test_the_code_of_an_error_has_no_namespace(body: object, code: str) -> None:
    assert aws_client.get_error_code(json.dumps(body)) == code


def test_an_error_that_is_not_json_has_no_code() -> None:
    assert aws_client.get_error_code("<html>") == ""


def test_a_request_loads_no_http_client_and_without_tls_no_ssl() -> None:
    code = """
import sys
from pointsman import aws_client, deadlines
access = aws_client.AwsAccess("id", "key", "", "eu-central-1", "http://127.0.0.1:1")
print(aws_client.call(access, "states", "A", "{}", connect_timeout=1, read_timeout=1))
print(sorted({"botocore", "email", "http", "ssl", "urllib"} & sys.modules.keys()))
"""
    assert run_python(code).splitlines() == ["(0, '')", "[]"]


def make_certificate(folder: Path) -> Path:
    """A certificate of localhost that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    pem = serialization.Encoding.PEM
    private_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private_key + certificate.public_bytes(pem))
    return path


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    with serve(respond, server_context) as (url, _ports):
        port = url.rpartition(":")[2]
        monkeypatch.setattr(aws_client, "_tls_context", None)
        assert call(f"https://localhost:{port}") == (0, "")
        monkeypatch.setattr(aws_client, "_tls_context", ssl.create_default_context(cafile=str(certificate)))
        assert [call(f"https://localhost:{port}") for _ in range(2)] == [(200, "{}")] * 2
        assert call(f"https://127.0.0.1:{port}") == (0, "")


@pytest.mark.limit("aws-call-time")
@pytest.mark.parametrize("answer", [drip_head, drip_body, endless_head, endless_body])
def test_a_response_without_an_end_is_no_response(answer: Answer) -> None:
    with serve_hostile(answer) as url:
        started_at = time.monotonic()
        assert call(url, read_timeout=0.5) == (0, "")
        assert time.monotonic() - started_at < 20


@pytest.mark.limit("aws-answer")
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_response_may_be_as_large_as_the_limit_and_no_larger(is_chunked: bool) -> None:
    def send_chunked(body: bytes) -> Answer:
        def answer(connection: socket.socket) -> None:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")

        return answer

    fitting, send = b"x" * aws_client._MAX_BODY_BYTES, send_chunked if is_chunked else send_body
    with serve_hostile(send(fitting)) as url:
        assert call(url) == (200, fitting.decode())
    with serve_hostile(send(fitting + b"x")) as url:
        assert call(url) == (0, "")


def test_no_request_is_sent_after_the_deadline() -> None:
    with serve(respond) as (url, ports):
        with deadlines.begin(LambdaContext(0)):
            assert call(url) == (0, "")
        assert ports == []
        assert call(url) == (200, "{}")
