"""Idempotency-Key: a repeated request is executed once and gets the first response."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.template.openapi import SERVICES_DOCUMENT_PATH
from tests.harness.background import run_concurrently, run_in_background
from tests.harness.database import Database, reset_fleet_tables
from tests.harness.instances import (
    create_request,
    new_instance_id,
    wait_for_operation,
    wait_until_deployed,
)
from tests.harness.python_process import handle_sample_event
from tests.harness.simulator import count_calls, wait_for_call
from tests.harness.stack import API_KEY, TAKEOVER_SECONDS
from tests.harness.wait import wait_until
from tests.harness.worker_processes import kill_workers

pytestmark = pytest.mark.slow

PLANTED_SECRET = "planted-value-of-a-variable"
ENDPOINTS_WITH_KEY = [
    ("post", "/create-instance"), ("delete", "/destroy/{instanceId}"), ("post", "/provision/{instanceId}/{toolId}"),
    ("delete", "/destroy/{instanceId}/{toolId}/{resourceId}"), ("post", "/configure/{instanceId}"),
    ("post", "/redeploy/{instanceId}"),
]  # fmt: skip

Send = Callable[..., httpx.Response]


@pytest.fixture(autouse=True)
def reset_tables(db: Database) -> Iterator[None]:
    reset_fleet_tables(db)
    db.execute("DELETE FROM idempotency_keys")
    yield
    db.execute("DELETE FROM idempotency_keys")


@pytest.fixture
def instance_id(instance: dict[str, Any]) -> str:
    """The id of an instance without tools."""
    return instance["instanceId"]


@pytest.fixture
def send(api: httpx.Client) -> Send:
    def send_with_key(method: str, path: str, key: str = "key-1", **more: Any) -> httpx.Response:
        return api.request(method, path, headers={"Idempotency-Key": key, **more.pop("headers", {})}, **more)

    return send_with_key


def is_replayed(response: httpx.Response) -> bool:
    return response.headers.get("idempotent-replayed") == "true"


def status_and_code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def response_of_function(response: httpx.Response) -> httpx.Response | None:
    """Return the response if a function gave it: the runner may route to a process that was killed a moment ago."""
    return response if response.is_success or "code" in response.json() else None


def make_request(endpoint: str, api: httpx.Client, instance_id: str) -> tuple[str, str, dict[str, Any] | None]:
    """Build a request that changes something: method, path and body."""
    if endpoint == "create":
        return "POST", "/create-instance", create_request(new_instance_id(), [])
    if endpoint == "destroy_tool":
        resource = api.post(f"/provision/{instance_id}/agentmail").json()["resourceId"]
        return "DELETE", f"/destroy/{instance_id}/agentmail/{resource}", None
    wait_until_deployed(api, instance_id)
    return {
        "destroy": ("DELETE", f"/destroy/{instance_id}", None),
        "provision": ("POST", f"/provision/{instance_id}/openrouter", {"config": {"limit": 3}}),
        "configure": ("POST", f"/configure/{instance_id}", {"variables": {"A": "b"}, "redeploy": True}),
        "redeploy": ("POST", f"/redeploy/{instance_id}", None),
    }[endpoint]


ENDPOINTS = ["create", "destroy", "provision", "destroy_tool", "configure", "redeploy"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_repeat_replays_the_response_and_does_nothing(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance_id: str, endpoint
) -> None:
    method, path, body = make_request(endpoint, api, instance_id)
    first = send(method, path, json=body)
    assert (first.status_code, is_replayed(first)) == (200, False), first.text
    call_count, leftovers = len(simulator.list_calls()), simulator.list_leftovers()
    for _ in range(2):
        again = send(method, path, json=body)
        assert (again.status_code, again.content, is_replayed(again)) == (200, first.content, True)
        assert again.headers["content-type"] == "application/json"
    assert (len(simulator.list_calls()), simulator.list_leftovers()) == (call_count, leftovers)


def test_key_with_another_request_is_409(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance_id: str
) -> None:
    path = f"/provision/{instance_id}/openrouter"
    assert send("POST", path, json={"config": {"limit": 3}}).status_code == 200
    call_count = len(simulator.list_calls())
    others = [
        ("POST", path, {"config": {"limit": 4}}), ("POST", path, None),
        ("POST", f"/provision/{instance_id}/telnyx", None),
        ("POST", "/provision/somebody/openrouter", {"config": {"limit": 3}}),
        ("DELETE", f"/destroy/{instance_id}", None),
        ("POST", f"/configure/{instance_id}", {"variables": {"A": "b"}}), ("POST", f"/redeploy/{instance_id}", None),
    ]  # fmt: skip
    for method, other, body in others:
        assert status_and_code(send(method, other, json=body)) == (409, "IDEMPOTENCY_KEY_REUSED"), other
    assert len(simulator.list_calls()) == call_count
    assert is_replayed(send("POST", path, json={"config": {"limit": 3}}))


def test_equivalent_json_and_encoded_paths_are_the_same_request(send: Send, instance_id: str) -> None:
    """Neither the order of JSON names and white space nor percent-encoding in the path makes another request."""
    path, headers = f"/configure/{instance_id}", {"Content-Type": "application/json"}
    assert send("POST", path, content='{"variables": {"A": "1", "B": "2"}, "redeploy": false}', headers=headers)
    text = '{"redeploy":false, "variables":{"B":"2","A":"\\u0031"}}'
    assert is_replayed(send("POST", path.replace("t", "%74", 1), content=text, headers=headers))


@pytest.mark.parametrize("endpoint", ["create", "destroy"])
def test_ten_concurrent_requests_have_one_effect_and_one_response(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance_id: str, endpoint
) -> None:
    method, path, body = make_request(endpoint, api, instance_id)
    simulator.update_config({"latency_ms": 50})
    before = db.execute("SELECT count(*) AS n FROM operations").fetchone()["n"]
    responses = run_concurrently(*[lambda: send(method, path, json=body)] * 10)
    assert {(response.status_code, response.content) for response in responses} == {(200, responses[0].content)}
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone()["n"] == before + 1
    assert len([response for response in responses if not is_replayed(response)]) == 1


def test_ten_concurrent_configures_set_the_variables_once(
    simulator: SimulatorClient, send: Send, instance_id: str
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", "slow", seconds=1)
    body = {"variables": {"A": "b"}}
    responses = run_concurrently(*[lambda: send("POST", f"/configure/{instance_id}", json=body)] * 10)
    assert count_calls(simulator, "variableCollectionUpsert") == 1
    refused = [response for response in responses if response.status_code != 200]
    assert {status_and_code(response) for response in refused} <= {(409, "IDEMPOTENCY_IN_PROGRESS")}
    assert all(int(response.headers["retry-after"]) > 0 for response in refused)
    assert len([response for response in responses if response.status_code == 200 and not is_replayed(response)]) == 1
    assert is_replayed(send("POST", f"/configure/{instance_id}", json=body))


def test_repeat_after_202_or_busy_returns_the_current_outcome(
    api: httpx.Client, simulator: SimulatorClient, send: Send
) -> None:
    for call in ("serviceCreate", "volumeCreate", "environmentPatchCommit"):
        simulator.inject_fault("railway", call, "slow", seconds=4, times=1)
    body = create_request(new_instance_id(), [])
    creating = run_in_background(lambda: send("POST", "/create-instance", json=body))
    wait_until(simulator.list_calls)
    path = f"/destroy/{body['instanceId']}"
    assert status_and_code(send("DELETE", path, "key-2")) == (409, "BUSY")
    created = creating.result()
    assert (created.status_code, is_replayed(created)) == (202, False)
    page = wait_for_operation(api, created.json()["operationId"])
    again = send("POST", "/create-instance", json=body)
    assert (again.status_code, again.json(), is_replayed(again)) == (200, page["result"], True)
    assert count_calls(simulator, "serviceCreate") == 1
    destroyed = send("DELETE", path, "key-2")
    assert (destroyed.status_code, is_replayed(destroyed)) == (200, False)
    assert is_replayed(send("DELETE", path, "key-2"))
    assert simulator.list_leftovers() == []


def test_failed_operation_is_replayed_and_a_new_key_retries(
    simulator: SimulatorClient, send: Send, instance_id: str
) -> None:
    fault = simulator.inject_fault("telnyx", "orders.create", "refuse", times=None)
    failed = send("POST", f"/provision/{instance_id}/telnyx")
    assert status_and_code(failed) == (500, "OPERATION_FAILED")
    simulator.remove_fault(fault)
    again = send("POST", f"/provision/{instance_id}/telnyx")
    assert (again.status_code, again.content, is_replayed(again)) == (500, failed.content, True)
    assert send("POST", f"/provision/{instance_id}/telnyx", "key-2").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("nobody", 404), ("somebody-else", 409)])
def test_permanent_error_is_replayed(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance_id: str, path, status
) -> None:
    if status == 409:
        resource = api.post(f"/provision/{instance_id}/agentmail").json()["resourceId"]
        path = f"{path}/agentmail/{resource}"
    refused = send("DELETE", f"/destroy/{path}")
    again = send("DELETE", f"/destroy/{path}")
    assert (refused.status_code, again.status_code, again.content) == (status, status, refused.content)
    assert (is_replayed(refused), is_replayed(again)) == (False, True)


@pytest.mark.parametrize(("path", "operation", "status"), [("/configure/", "variableCollectionUpsert", 502),
                                                           ("/redeploy/", "deploymentRedeploy", 500)])  # fmt: skip
def test_failure_of_railway_is_not_recorded(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance_id: str, path, operation, status
) -> None:
    wait_until_deployed(api, instance_id)
    fault = simulator.inject_fault("railway", operation, "refuse", times=None)
    body = {"variables": {"A": "b"}}
    failed = send("POST", path + instance_id, json=body)
    assert (failed.status_code, is_replayed(failed)) == (status, False)
    simulator.remove_fault(fault)
    succeeded = send("POST", path + instance_id, json=body)
    assert (succeeded.status_code, is_replayed(succeeded)) == (200, False)


def test_400_and_401_are_not_recorded(api: httpx.Client, db: Database, send: Send, instance_id: str) -> None:
    path = f"/provision/{instance_id}/openrouter"
    for _ in range(2):
        bad = send("POST", path, json={"config": {"limit": -1}})
        assert (bad.status_code, is_replayed(bad)) == (400, False)
    assert send("POST", path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert db.execute("SELECT * FROM idempotency_keys").fetchall() == []
    assert send("POST", path).status_code == 200


def test_claim_of_a_killed_configure_is_taken_over_after_its_timeout(
    simulator: SimulatorClient, db: Database, send: Send, instance_id: str
) -> None:
    simulator.inject_fault("railway", "variableCollectionUpsert", "slow", seconds=4)
    body = {"variables": {"A": "b"}}
    first = run_in_background(lambda: send("POST", f"/configure/{instance_id}", json=body))
    wait_for_call(simulator, "variableCollectionUpsert")
    assert kill_workers("configure_instance.handler") > 0
    assert first.result().status_code == 500
    early = wait_until(lambda: response_of_function(send("POST", f"/configure/{instance_id}", json=body)))
    assert (status_and_code(early), "retry-after" in early.headers) == ((409, "IDEMPOTENCY_IN_PROGRESS"), True)

    age = f"{TAKEOVER_SECONDS + 1} seconds"
    db.execute("UPDATE idempotency_keys SET claimed_at = claimed_at - %s::interval", (age,))
    late = send("POST", f"/configure/{instance_id}", json=body)
    assert (late.status_code, is_replayed(late)) == (200, False)
    assert count_calls(simulator, "variableCollectionUpsert") == 2
    assert is_replayed(send("POST", f"/configure/{instance_id}", json=body))


@pytest.mark.parametrize("endpoint", ["create", "destroy"])
def test_operation_of_a_killed_caller_is_joined_at_once(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance_id: str, endpoint
) -> None:
    method, path, body = make_request(endpoint, api, instance_id)
    call = {"create": "serviceCreate", "destroy": "serviceDelete"}[endpoint]
    before = count_calls(simulator, call)
    simulator.inject_fault("railway", call, "slow", seconds=1)
    first = run_in_background(lambda: send(method, path, json=body))
    wait_for_call(simulator, call, before + 1)
    assert kill_workers(f"{endpoint}_instance.handler") > 0
    assert first.result().status_code == 500
    for _ in range(2):
        again = wait_until(lambda: response_of_function(send(method, path, json=body)))
        assert (again.status_code, is_replayed(again)) == (200, True), again.text
    assert count_calls(simulator, call) == before + 1


def test_operation_whose_caller_was_killed_before_its_start_is_started(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance_id: str
) -> None:
    path = f"/provision/{instance_id}/agentmail"
    first = send("POST", path).json()
    assert api.delete(f"/destroy/{instance_id}/agentmail/{first['resourceId']}").json()["deleted"] is True
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request)"
        " SELECT 'op-' || instance_id, instance_id, kind, request"
        " FROM operations WHERE instance_id = %s AND kind = 'provision'",
        (instance_id,),
    )
    db.execute(
        "UPDATE idempotency_keys SET state = 'claimed', status = NULL, body = NULL, operation_id = %s",
        (f"op-{instance_id}",),
    )
    again = send("POST", path)
    assert (again.status_code, again.json()["toolId"]) == (200, "agentmail")
    assert len([leftover for leftover in simulator.list_leftovers() if leftover.kind == "inbox"]) == 1


def test_response_that_was_never_recorded_is_read_from_the_operation(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance_id: str
) -> None:
    first = send("DELETE", f"/destroy/{instance_id}")
    db.execute("UPDATE idempotency_keys SET state = 'claimed', status = NULL, body = NULL")
    again = send("DELETE", f"/destroy/{instance_id}")
    assert (again.status_code, again.json(), is_replayed(again)) == (200, first.json(), True)


@pytest.mark.parametrize("key", [b"", b"a b", b"x" * 256, "schlüssel".encode(), b"a\tb"])
def test_invalid_key_is_400_and_named(api: httpx.Client, simulator: SimulatorClient, key: bytes) -> None:
    headers = {b"Idempotency-Key": key, b"Authorization": f"Bearer {API_KEY}".encode()}
    response = api.post("/create-instance", json=create_request(new_instance_id()), headers=headers)
    assert status_and_code(response) == (400, "INVALID_INPUT")
    assert "Idempotency-Key must be 1 to 255 visible ASCII characters" in response.json()["error"]
    assert simulator.list_calls() == []


@pytest.mark.parametrize("key", ["x" * 255, '"!~,;=%', "op-1"])
def test_unusual_keys_are_valid(send: Send, key) -> None:
    assert [is_replayed(send("DELETE", "/destroy/nobody", key)) for _ in range(2)] == [False, True]


def test_no_secret_is_in_the_table_nor_can_be_derived_from_it(db: Database, send: Send, instance_id: str) -> None:
    body = {"variables": {"TOKEN": PLANTED_SECRET}}
    for key in ("key-1", "key-2"):
        assert send("POST", f"/configure/{instance_id}", key, json=body).status_code == 200
    rows = db.execute("SELECT * FROM idempotency_keys ORDER BY key").fetchall()
    values = [value for row in rows for value in row.values()]
    stored = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    assert PLANTED_SECRET.encode() not in stored
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"], "the same request looks the same: it is not salted"
    for text in (PLANTED_SECRET, json.dumps(body)):
        assert hashlib.sha256(text.encode()).digest() not in stored


def test_keys_expire_after_a_day(db: Database, send: Send) -> None:
    for key in ("key-1", "key-2"):
        assert send("DELETE", "/destroy/nobody", key).status_code == 404
    db.execute("UPDATE idempotency_keys SET created_at = created_at - interval '23 hours 59 minutes'")
    assert is_replayed(send("DELETE", "/destroy/nobody"))
    db.execute("UPDATE idempotency_keys SET created_at = created_at - interval '2 minutes'")
    other = send("DELETE", "/destroy/somebody")
    assert (other.status_code, is_replayed(other)) == (404, False)
    assert [row["key"] for row in db.execute("SELECT key FROM idempotency_keys").fetchall()] == ["key-1"]


def test_endpoints_that_only_read_ignore_the_header(send: Send, db: Database, simulator: SimulatorClient) -> None:
    for _ in range(2):
        assert not is_replayed(send("GET", "/registry", "bad key"))
        assert send("POST", "/status/batch", json={}).status_code == 200
        assert send("GET", "/create-instance").status_code == 405
    assert db.execute("SELECT * FROM idempotency_keys").fetchall() == []


def test_unreachable_database_is_503_in_the_contracts_shape() -> None:
    response = handle_sample_event(
        "services.redeploy_instance", {"SERVICE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "key-1"
    )
    body = json.loads(response["body"])
    assert (response["statusCode"], body["code"]) == (503, "DATABASE_UNAVAILABLE")


def test_document_declares_the_header_where_it_is_accepted() -> None:
    paths = json.loads(SERVICES_DOCUMENT_PATH.read_text())["paths"]
    for method, path in ENDPOINTS_WITH_KEY:
        names = [parameter["name"] for parameter in paths[path][method]["parameters"]]
        assert "Idempotency-Key" in names, path
        assert "Idempotent-Replayed" in paths[path][method]["responses"]["200"]["headers"]
    assert "parameters" not in paths["/status/batch"]["post"]
