"""The gateway's connections: clients that send or read slowly or never, too many of them, and what is not HTTP."""

import base64
import gzip
import json
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from local.api_gateway.connections import ConnectionLimits
from tests.harness.wait import wait_until
from tests.local.gateway_harness import GatewayHarness

HEAD = b"POST /api/x HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
SHORT_SECONDS = 1.0
"""The deadline of a harness that is to reach it."""
LONG_SECONDS = 20.0
"""A deadline that no test reaches, and the longest that a test waits."""


@contextmanager
def serve(
    folder: Path,
    *,
    head_seconds: float = LONG_SECONDS,
    body_seconds: float = LONG_SECONDS,
    response_seconds: float = LONG_SECONDS,
    max_waiting: int = 1000,
    max_connections: int = 4000,
) -> Iterator[GatewayHarness]:
    limits = ConnectionLimits(head_seconds, body_seconds, response_seconds, max_waiting, max_connections)
    harness = GatewayHarness(folder / "logs", limits=limits)
    try:
        yield harness
    finally:
        harness.close()


def connect(harness: GatewayHarness, data: bytes = b"") -> socket.socket:
    client = socket.create_connection(harness.address, LONG_SECONDS)
    client.sendall(data)
    return client


def read_to_end(client: socket.socket) -> bytes:
    """Read until the gateway closes the connection, in whichever way."""
    data = b""
    with suppress(ConnectionError):
        while chunk := client.recv(65536):
            data += chunk
    return data


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def drip(client: socket.socket, data: Callable[[int], bytes], seconds: float) -> None:
    """Send a little again and again for so long, or until the connection is closed."""
    deadline, number = time.monotonic() + seconds, 0
    with suppress(ConnectionError):
        while time.monotonic() < deadline and not is_closed(client):
            client.setblocking(True)
            client.sendall(data(number))
            number += 1
            time.sleep(0.05)
    client.setblocking(True)
    client.settimeout(LONG_SECONDS)


def send_until_cut(client: socket.socket, data: bytes) -> None:
    """Send without reading until the gateway closes the connection."""
    deadline = time.monotonic() + 2 * LONG_SECONDS
    with suppress(ConnectionError):
        while time.monotonic() < deadline:
            client.sendall(data)
        pytest.fail("the connection is never closed")


def time_requests(harness: GatewayHarness, count: int = 15) -> float:
    """Median seconds of a request on a connection of its own."""
    seconds: list[float] = []
    for _ in range(count):
        started_at = time.monotonic()
        with harness.request("GET", "/api/x") as response:
            assert response.status == 200
            response.read()
        seconds.append(time.monotonic() - started_at)
    return statistics.median(seconds)


def open_stream(harness: GatewayHarness) -> HTTPResponse:
    response = harness.request("POST", "/api/stream/forever", b"")
    assert response.status == 200
    return response


@pytest.mark.limit("waiting-connections")
@pytest.mark.parametrize(
    "sent", [b"", HEAD, HEAD + b"Content-Length: 100\r\n\r\nhalf"], ids=["nothing", "head", "body"]
)
def test_a_request_is_answered_as_usual_while_another_client_holds_1500_connections(
    tmp_path: Path, sent: bytes
) -> None:
    with ExitStack() as stack:
        harness = stack.enter_context(serve(tmp_path, max_waiting=1000))
        time_requests(harness, 3)
        usual = time_requests(harness)
        clients = [stack.enter_context(connect(harness, sent)) for _ in range(1500)]
        assert time_requests(harness) < 3 * usual + 0.05
        wait_until(lambda: sum(map(is_closed, clients)) >= 500, LONG_SECONDS, "the oldest connections are closed")
        held = [not is_closed(client) for client in clients]
        assert 900 <= sum(held) <= 1000
        assert held == sorted(held), "the oldest ones have been closed"


@pytest.mark.limit("waiting-connections")
def test_a_request_that_is_handled_keeps_its_connection(tmp_path: Path) -> None:
    with ExitStack() as stack:
        harness = stack.enter_context(serve(tmp_path, max_waiting=5))
        stream = stack.enter_context(open_stream(harness))
        idle = stack.enter_context(connect(harness))
        for _ in range(4):
            stack.enter_context(connect(harness))
        assert time_requests(harness, 1)
        wait_until(lambda: is_closed(idle))
        assert stream.read1() == b"begun"
        clients = [stack.enter_context(connect(harness)) for _ in range(20)]
        wait_until(lambda: sum(map(is_closed, clients)) >= 15)
        assert harness.workers("StreamFunction")[0]["state"] == "busy"
        assert stream.fp is not None
        assert not is_closed(stream.fp.raw._sock)  # type: ignore[attr-defined]


@pytest.mark.limit("connections")
def test_one_connection_too_many_is_503_until_another_one_ends(tmp_path: Path) -> None:
    with ExitStack() as stack:
        harness = stack.enter_context(serve(tmp_path, max_connections=3))
        streams = [stack.enter_context(open_stream(harness)) for _ in range(3)]
        with harness.request("GET", "/api/x") as response:
            assert (response.status, json.loads(response.read())) == (503, {"message": "Service Unavailable"})
        streams[0].close()

        def is_answered() -> bool:
            with suppress(ConnectionError), harness.request("GET", "/api/x") as response:
                return response.status == 200
            return False

        # The gateway notices that a client has gone by what it writes, or at once.
        wait_until(is_answered, LONG_SECONDS)


@pytest.mark.limit("request-head-seconds")
@pytest.mark.parametrize("is_dripping", [False, True])
def test_a_head_that_does_not_end_is_cut(tmp_path: Path, is_dripping: bool) -> None:
    with serve(tmp_path, head_seconds=SHORT_SECONDS) as harness:
        with connect(harness, HEAD) as client:
            started_at = time.monotonic()
            if is_dripping:
                drip(client, lambda number: f"X-{number}: x\r\n".encode(), LONG_SECONDS)
            assert read_to_end(client) == b""
            assert SHORT_SECONDS / 2 < time.monotonic() - started_at < LONG_SECONDS / 2
        with connect(harness, HEAD) as client:
            time.sleep(SHORT_SECONDS / 5)
            client.sendall(b"Connection: close\r\n\r\n")
            assert read_to_end(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.limit("request-head-seconds")
def test_a_connection_that_is_idle_after_a_request_is_closed(tmp_path: Path) -> None:
    with serve(tmp_path, head_seconds=SHORT_SECONDS) as harness:
        connection = HTTPConnection(*harness.address, timeout=LONG_SECONDS)
        for pause in (0.0, SHORT_SECONDS / 5):
            time.sleep(pause)
            connection.request("GET", "/api/x")
            assert connection.getresponse().read()
        assert connection.sock.recv(1) == b""
        connection.close()


@pytest.mark.slow
@pytest.mark.limit("request-body-seconds")
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"Content-Length: 1000\r\n\r\n", b""),
        (HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"1;", b"extension"),
        (CHUNKED + b"0\r\n", b"X-Trailer: x\r\n"),
    ],
    ids=["half", "drips", "chunks", "chunk extension", "trailers"],
)
def test_a_body_that_does_not_end_is_408(tmp_path: Path, head: bytes, piece: bytes) -> None:
    with serve(tmp_path, body_seconds=SHORT_SECONDS) as harness:
        with connect(harness, head) as client:
            drip(client, lambda _: piece, 2 * SHORT_SECONDS)
            client.shutdown(socket.SHUT_WR)
            answer = read_to_end(client)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "REQUEST_TIMEOUT"
        with connect(harness, HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nha") as client:
            time.sleep(SHORT_SECONDS / 5)
            client.sendall(b"lf")
            assert read_to_end(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.limit("response-seconds")
def test_a_response_that_is_not_read_is_cut(tmp_path: Path) -> None:
    body = b"x" * 4_000_000
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with serve(tmp_path, response_seconds=SHORT_SECONDS) as harness:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(LONG_SECONDS)
            client.connect(harness.address)
            client.sendall(head + body)
            wait_until(lambda: " 200 " in harness.console_output.getvalue(), LONG_SECONDS)
            time.sleep(2 * SHORT_SECONDS)
            assert len(read_to_end(client)) < len(body)
        with connect(harness, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body) as client:
            assert len(read_to_end(client)) > len(body)


def test_who_sends_requests_and_reads_no_response_is_cut(tmp_path: Path) -> None:
    request = HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000
    with serve(tmp_path, response_seconds=SHORT_SECONDS) as harness, connect(harness) as client:
        send_until_cut(client, request)


@pytest.fixture(scope="module")
def plain_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayHarness]:
    with serve(tmp_path_factory.mktemp("plain"), body_seconds=SHORT_SECONDS) as harness:
        yield harness


def test_requests_in_a_row_are_answered_in_their_order(plain_gateway: GatewayHarness) -> None:
    requests = [f"GET /api/x?number={number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(100)]
    requests.append("GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    with connect(plain_gateway, "".join(requests).encode()) as client:
        numbers = re.findall(r'"rawQueryString": "number=(\d+)"', read_to_end(client).decode())
    assert numbers == [str(number) for number in range(100)]


NOT_HTTP = {
    "HTTP/0.9": b"GET /api/x\r\n\r\n",
    "HTTP/1.2": b"GET /api/x HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET /api/x HTTP/2.0\r\nHost: x\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "proxy": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /api/x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/x HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "line feeds": b"GET /api/x HTTP/1.1\nHost: x\n\n",
    "folded header": b"GET /api/x HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL": b"GET /api/x HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": HEAD + b"Content-Length: -3\r\n\r\n",
    "length without end": HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "chunks not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunk size": CHUNKED + b"zz\r\n",
    "chunk size without end": CHUNKED + b"f" * 20 + b"\r\n",
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_1_is_400_and_ends_the_connection(plain_gateway: GatewayHarness, data: bytes) -> None:
    start = plain_gateway.console_output.tell()
    with connect(plain_gateway, data) as client:
        answer = read_to_end(client)
    assert answer.split(b" ", 2)[1] == b"400"
    assert answer.count(b"HTTP/") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "BAD_REQUEST"
    assert "Function" not in plain_gateway.console_output.getvalue()[start:]


@pytest.mark.limit("request-headers")
@pytest.mark.parametrize(("count", "status"), [(100, b"200"), (101, b"400")])
def test_a_request_has_so_many_headers(plain_gateway: GatewayHarness, count: int, status: bytes) -> None:
    headers = b"".join(b"X-%d: x\r\n" % number for number in range(count - 2))
    data = b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n"
    with connect(plain_gateway, data) as client:
        assert read_to_end(client).split(b" ", 2)[1] == status


@pytest.mark.parametrize("sent", [b"X" * 10_000_000, b"X-A: x\r\n" * 1_000_000], ids=["a line", "lines"])
def test_a_head_without_end_is_refused_before_its_deadline(plain_gateway: GatewayHarness, sent: bytes) -> None:
    with connect(plain_gateway, HEAD) as client:
        send_until_cut(client, sent)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "nonsense"])
def test_the_bytes_of_a_body_reach_the_function_as_they_are(plain_gateway: GatewayHarness, coding: str) -> None:
    body = gzip.compress(bytes(100_000_000), 1)
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    with plain_gateway.request("POST", "/api/x", body, headers) as response:
        assert response.status == 200
        event = json.loads(response.read())
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == body
    assert event["headers"]["content-encoding"] == coding
    with plain_gateway.request("POST", "/api/buffered/x", body, headers) as response:
        assert response.status == 200
        assert len(json.loads(response.read())["body"]) <= len(body)
