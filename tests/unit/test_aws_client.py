"""The AWS client: its signature is botocore's, and connections are kept while they are young and open."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pointsman import aws_client
from pointsman.aws_client import AwsAccess

NOW = 1_800_000_000.0
BODY = '{"SecretId": "ä"}'


@pytest.fixture(autouse=True)
def no_kept_connections() -> Iterator[None]:
    yield
    while aws_client._idle_connections:
        aws_client._idle_connections.popitem()[1][0].close()


def call(url: str, read_timeout: float = 5) -> tuple[int, str]:
    access = AwsAccess("id", "key", "", "eu-central-1", url)
    return aws_client.call(access, "states", "StartExecution", BODY, connect_timeout=2, read_timeout=read_timeout)


@contextmanager
def serve(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[int]]]:
    """Serve HTTP/1.1; yields the address, and the client's port of each connection that was opened."""
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

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
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
