"""Every kind of fault does what was ordered, as often as was ordered, and nothing else."""

import contextlib
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.simulator.engine.faults import UNENDING_KINDS
from local.simulator.http.unending import UnendingKind
from tests.harness.provider_api import (
    ENVIRONMENT,
    INSTANCE,
    PROJECT,
    SERVICE_CREATE,
    VOLUME_CREATE,
    ProviderClient,
)
from tests.harness.wait import wait_until

DROPPED = (httpx.RemoteProtocolError, httpx.ReadError)
CREATE = {"i": {"projectId": PROJECT, "name": "agent-1"}}


def _create_key(api: ProviderClient) -> httpx.Response:
    return api.request_openrouter("POST", "/keys", json={"name": "k"})


def _count_leftovers(sim: SimulatorClient) -> int:
    return len(sim.list_leftovers())


def test_refusal_takes_the_shape_of_the_provider(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "refuse", status=402, message="No credits")
    assert _create_key(api).json() == {"error": {"code": 402, "message": "No credits"}}
    sim.inject_fault("agentmail", "inboxes.create", "refuse", status=403, code="limit_exceeded")
    assert api.request_agentmail("POST", "/inboxes", json={}).json()["code"] == "limit_exceeded"
    sim.inject_fault("telnyx", "orders.create", "refuse", status=422, code="85001")
    assert api.request_telnyx("POST", "/number_orders", json={}).json()["errors"][0]["code"] == "85001"
    sim.inject_fault("railway", "serviceCreate", "refuse")
    answer = api.post_graphql(SERVICE_CREATE, CREATE)
    assert (answer.status_code, "errors" in answer.json()) == (400, True)
    assert _count_leftovers(sim) == 0


@pytest.mark.parametrize("provider", ["openrouter", "agentmail", "telnyx", "railway"])
def test_lost_answer_is_a_dropped_connection_after_the_work(
    api: ProviderClient, sim: SimulatorClient, provider: str
) -> None:
    number = api.request_telnyx("GET", "/available_phone_numbers?filter[limit]=1").json()["data"][0]["phone_number"]
    creates: dict[str, tuple[str, Any]] = {
        "openrouter": ("keys.create", lambda: _create_key(api)),
        "agentmail": ("inboxes.create", lambda: api.request_agentmail("POST", "/inboxes", json={})),
        "telnyx": (
            "orders.create",
            lambda: api.request_telnyx("POST", "/number_orders", json={"phone_numbers": [{"phone_number": number}]}),
        ),
        "railway": ("serviceCreate", lambda: api.post_graphql(SERVICE_CREATE, CREATE)),
    }
    operation, create = creates[provider]
    sim.inject_fault(provider, operation, "lost")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DROPPED):
        create()
    assert {left.provider for left in sim.list_leftovers()} == {provider}
    entry = sim.list_calls()[-1]
    assert (entry.status, entry.committed, entry.ended, entry.fault) == (None, True, True, "lost")


def test_dropped_connection_before_the_work_leaves_nothing(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "drop")
    with pytest.raises(DROPPED):
        _create_key(api)
    assert (_count_leftovers(sim), sim.list_calls()[-1].committed) == (0, False)
    assert _create_key(api).status_code == 201


def test_hanging_request_ends_in_a_dropped_connection(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "hang", seconds=0.1)
    began = time.monotonic()
    with pytest.raises(DROPPED):
        _create_key(api)
    assert time.monotonic() - began >= 0.1
    sim.inject_fault("openrouter", "keys.create", "hang", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        api.request_openrouter("POST", "/keys", json={"name": "k"}, timeout=0.05)
    assert _count_leftovers(sim) == 0


def test_late_answer_was_done_at_once(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "hang_done", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        api.request_openrouter("POST", "/keys", json={"name": "k"}, timeout=0.05)
    wait_until(lambda: _count_leftovers(sim) == 1)
    sim.inject_fault("openrouter", "keys.create", "hang_done", seconds=0.05)
    assert _create_key(api).status_code == 201


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("kind", UNENDING_KINDS)
def test_answer_without_an_end_goes_on_until_the_client_leaves(
    api: ProviderClient, sim: SimulatorClient, kind: UnendingKind, done: bool
) -> None:
    sim.inject_fault("openrouter", "keys.create", kind, seconds=0.01, done=done)
    with _begin_create_key(sim) as connection:
        received = b""
        while len(received) < (5_000_000 if kind == "endless" else 150):
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert (b"\r\n\r\n" in received) == (kind != "drip_head")
    assert _count_leftovers(sim) == done
    assert sim.list_calls()[-1].fault == kind
    assert _create_key(api).status_code == 201


@pytest.mark.parametrize("kind", UNENDING_KINDS)
def test_a_reset_drops_an_answer_without_an_end(sim: SimulatorClient, kind: UnendingKind) -> None:
    sim.inject_fault("openrouter", "keys.create", kind, seconds=0.01)
    with _begin_create_key(sim) as connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(1)
        sim.reset()
        while connection.recv(65536):
            pass


def _begin_create_key(sim: SimulatorClient) -> socket.socket:
    """Send the request on a connection of its own, whose answer is not read."""
    address = urlsplit(sim.base_urls.openrouter)
    body = b'{"name": "k"}'
    lines = [
        f"POST {address.path}/keys HTTP/1.1", "Host: simulator", "Authorization: Bearer good",
        "Content-Type: application/json", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    connection = socket.create_connection((address.hostname or "", address.port or 0), 20)
    connection.sendall("\r\n".join(lines).encode() + body)
    return connection


def test_slow_request_is_slow_before_its_work(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "slow", seconds=0.1)
    began = time.monotonic()
    assert _create_key(api).status_code == 201
    assert time.monotonic() - began >= 0.1


def test_rate_limits_come_in_shape_or_as_text(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("railway", "serviceCreate", "rate_limit", retry_after=7)
    answer = api.post_graphql(SERVICE_CREATE, CREATE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    sim.inject_fault("openrouter", "*", "rate_limit")
    answer = _create_key(api)
    assert (answer.status_code, "x-ratelimit-reset" in answer.headers) == (429, True)
    sim.inject_fault("railway", "*", "rate_limit_text")
    answer = api.post_graphql(SERVICE_CREATE, CREATE)
    assert (answer.status_code, answer.text) == (429, "error code: 1015")
    assert _count_leftovers(sim) == 0


def test_server_errors_with_and_without_the_work(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "server_error", status=503)
    answer = _create_key(api)
    assert (answer.status_code, answer.json()["error"]["code"], _count_leftovers(sim)) == (503, 503, 0)
    sim.inject_fault("openrouter", "keys.create", "server_error_done")
    assert (_create_key(api).status_code, _count_leftovers(sim)) == (500, 1)
    entry = sim.list_calls()[-1]
    assert (entry.status, entry.committed) == (500, True)


def test_html_and_garbage_are_no_json(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("railway", "serviceCreate", "html")
    answer = api.post_graphql(SERVICE_CREATE, CREATE)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")
    assert _count_leftovers(sim) == 0
    sim.inject_fault("railway", "serviceCreate", "garbage")
    answer = api.post_graphql(SERVICE_CREATE, CREATE)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert _count_leftovers(sim) == 1
    sim.inject_fault("openrouter", "keys.create", "garbage", done=False)
    assert (_create_key(api).status_code, _count_leftovers(sim)) == (200, 1)


def test_a_2xx_with_an_error_another_shape_or_nothing(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "error_body", status=404)
    answer = _create_key(api)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, 404)
    sim.inject_fault("telnyx", "numbers.list", "error_body")
    assert api.request_telnyx("GET", "/phone_numbers").json()["errors"][0]["code"] == "10007"
    sim.inject_fault("agentmail", "inboxes.create", "other_shape")
    assert api.request_agentmail("POST", "/inboxes", json={}).json() == {"ok": True}
    sim.inject_fault("railway", "serviceCreate", "other_shape", body=None)
    assert api.post_graphql(SERVICE_CREATE, CREATE).text == "null"
    sim.inject_fault("openrouter", "keys.create", "empty")
    assert (_create_key(api).content, _count_leftovers(sim)) == (b"", 0)
    for number, kind in enumerate(("error_body", "other_shape", "empty"), 1):
        sim.inject_fault("openrouter", "keys.create", kind, done=True)  # pyright: ignore[reportArgumentType]
        assert (_create_key(api).status_code, _count_leftovers(sim)) == (200, number)


def test_railway_errors_come_on_http_200(api: ProviderClient, sim: SimulatorClient) -> None:
    message = "Failed to create service domain, please try again"
    sim.inject_fault("railway", "serviceCreate", "graphql_error", message=message)
    assert api.query_railway_error(SERVICE_CREATE, **CREATE) == message
    sim.inject_fault("railway", "volumeCreate", "graphql_throttle")
    body = {"projectId": PROJECT, "mountPath": "/data"}
    assert api.query_railway_error(VOLUME_CREATE, i=body).startswith("Whoa there pal!")
    assert _count_leftovers(sim) == 0
    sim.inject_fault("railway", "serviceCreate", "graphql_error", message="Problem processing request", done=True)
    assert api.query_railway_error(SERVICE_CREATE, **CREATE) == "Problem processing request"
    assert _count_leftovers(sim) == 1


def test_partial_data_is_null_where_it_may_be_and_tells_errors(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    api.deploy_service(service)
    sim.inject_fault("railway", "serviceInstance", "partial", field="latestDeployment")
    body = api.post_graphql(INSTANCE, {"s": service, "e": ENVIRONMENT}).json()
    assert body["data"]["serviceInstance"]["latestDeployment"] is None
    assert body["data"]["serviceInstance"]["source"] == {"image": "ghcr.io/o/i@sha256:1"}
    assert body["errors"][0]["path"] == ["serviceInstance", "latestDeployment"]
    sim.inject_fault("railway", "serviceInstance", "partial")
    body = api.post_graphql(INSTANCE, {"s": service, "e": ENVIRONMENT}).json()
    assert body["data"]["serviceInstance"]["source"] is None
    assert len(body["errors"]) >= 3


def test_faults_are_counted_skipped_and_spent(api: ProviderClient, sim: SimulatorClient) -> None:
    fault = sim.inject_fault("openrouter", "keys.create", "server_error", times=2, after=1)
    assert [_create_key(api).status_code for _ in range(5)] == [201, 500, 500, 201, 201]
    counted = sim.list_faults()[0]
    assert (counted["id"], counted["struck"]) == (fault, 2)


def test_fault_for_good_lasts_until_it_is_taken_back(api: ProviderClient, sim: SimulatorClient) -> None:
    fault = sim.inject_fault("*", "*", "server_error", times=None)
    assert [_create_key(api).status_code for _ in range(3)] == [500] * 3
    assert api.request_telnyx("GET", "/phone_numbers").status_code == 500
    sim.remove_fault(fault)
    assert _create_key(api).status_code == 201
    sim.inject_fault("*", "*", "server_error", times=None)
    sim.clear_faults()
    assert _create_key(api).status_code == 201


def test_fault_hits_only_what_it_matches(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.inject_fault("openrouter", "keys.create", "server_error", match="agent-7")
    sim.inject_fault("railway", "serviceDelete", "server_error")
    assert _create_key(api).status_code == 201
    assert api.create_service()
    assert api.request_openrouter("POST", "/keys", json={"name": "agent-7"}).status_code == 500
    assert len(sim.list_faults()) == 2


def test_bad_orders_of_faults_are_refused(sim: SimulatorClient) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        sim.inject_fault("openrouter", "*", "nonsense")  # pyright: ignore[reportArgumentType]
    with pytest.raises(httpx.HTTPStatusError):
        sim.inject_fault("openrouter", "*", "slow", second=1)  # pyright: ignore[reportCallIssue]


def test_work_goes_on_when_the_client_is_gone(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.update_config({"latency_ms": 150})
    where = urlsplit(sim.base_urls.openrouter)
    assert where.hostname
    assert where.port
    body = b'{"name": "k"}'
    head = (
        f"POST {where.path}/keys HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer good\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_until(lambda: len(sim.list_calls()) == 1)
    assert _count_leftovers(sim) == 0
    wait_until(lambda: _count_leftovers(sim) == 1)
    assert sim.list_calls()[0].committed


def test_latency_is_waited_before_the_work_and_requests_overlap(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.update_config({"latency_ms": 200})
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(_create_key(api).status_code)) for _ in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    wait_until(lambda: len(sim.list_calls()) == 8)
    for thread in threads:
        thread.join()
    assert statuses == [201] * 8
    assert 0.2 <= time.monotonic() - began < 1.4


def test_reset_lets_go_of_what_hangs_and_keeps_it_out_of_the_new_state(
    api: ProviderClient, sim: SimulatorClient
) -> None:
    sim.update_config({"latency_ms": 60_000})
    outcome: list[BaseException] = []

    def create() -> None:
        try:
            _create_key(api)
        except httpx.TransportError as error:
            outcome.append(error)

    thread = threading.Thread(target=create)
    thread.start()
    wait_until(lambda: len(sim.list_calls()) == 1)
    sim.reset()
    thread.join(5)
    assert isinstance(outcome[0], DROPPED)
    assert _count_leftovers(sim) == 0
