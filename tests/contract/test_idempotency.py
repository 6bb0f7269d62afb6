"""Idempotency-Key: a request that is sent again with its key is done once, and gets the answer of the first."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.openapi import DOCUMENT
from local.simulator.client import SimulatorClient
from tests.conftest import API_KEY, TAKEOVER_SECONDS
from tests.contract.test_other_settings import answer_of
from tests.workflow.helpers import Database, create, ended, fresh_id, in_background, kill_tasks, request_for, until

pytestmark = pytest.mark.slow

PLANTED = "planted-value-of-a-variable"
KEYED = [
    ("post", "/create-instance"), ("delete", "/destroy/{instanceId}"), ("post", "/provision/{instanceId}/{toolId}"),
    ("delete", "/destroy/{instanceId}/{toolId}/{resourceId}"), ("post", "/configure/{instanceId}"),
    ("post", "/redeploy/{instanceId}"),
]  # fmt: skip

Send = Callable[..., httpx.Response]


@pytest.fixture(autouse=True)
def nobody_else(db: Database) -> Iterator[None]:
    """Rows that other tests left behind may name numbers that the simulator, being reset, hands out again."""
    db.execute("DELETE FROM instance_infra")
    db.execute("UPDATE operation_resources SET state = 'deleted'")
    db.execute("DELETE FROM idempotency_keys")
    yield
    db.execute("DELETE FROM idempotency_keys")


@pytest.fixture
def instance(api: httpx.Client) -> str:
    """The id of an instance without tools."""
    body = request_for(fresh_id(), [])
    assert create(api, body).status_code == 200
    return body["instanceId"]


@pytest.fixture
def send(api: httpx.Client) -> Send:
    def keyed(method: str, path: str, key: str = "key-1", **more: Any) -> httpx.Response:
        return api.request(method, path, headers={"Idempotency-Key": key, **more.pop("headers", {})}, **more)

    return keyed


def replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def served(answer: httpx.Response) -> httpx.Response | None:
    """The answer, if a function gave it: the runner may hand a request to a process that was killed a moment ago."""
    return answer if answer.is_success or "code" in answer.json() else None


def calls(simulator: SimulatorClient, operation: str) -> int:
    return len([call for call in simulator.calls() if call.operation == operation])


def built(api: httpx.Client, instance: str) -> None:
    """Wait until the deployment has been built: only then it can be deployed once more."""
    ids = {"instanceIds": [instance]}
    until(lambda: api.post("/status/batch", json=ids).json()["services"][0]["deployStatus"] == "SUCCESS")


def request_of(endpoint: str, api: httpx.Client, instance: str) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body of a request that changes something."""
    if endpoint == "create":
        return "POST", "/create-instance", request_for(fresh_id(), [])
    if endpoint == "destroy_tool":
        resource = api.post(f"/provision/{instance}/agentmail").json()["resourceId"]
        return "DELETE", f"/destroy/{instance}/agentmail/{resource}", None
    built(api, instance)
    return {
        "destroy": ("DELETE", f"/destroy/{instance}", None),
        "provision": ("POST", f"/provision/{instance}/openrouter", {"config": {"limit": 3}}),
        "configure": ("POST", f"/configure/{instance}", {"variables": {"A": "b"}, "redeploy": True}),
        "redeploy": ("POST", f"/redeploy/{instance}", None),
    }[endpoint]


ENDPOINTS = ["create", "destroy", "provision", "destroy_tool", "configure", "redeploy"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_repeat_gets_the_same_answer_and_does_nothing(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance: str, endpoint
) -> None:
    method, path, body = request_of(endpoint, api, instance)
    first = send(method, path, json=body)
    assert (first.status_code, replayed(first)) == (200, False), first.text
    made, left = len(simulator.calls()), simulator.leftovers()
    for _ in range(2):
        again = send(method, path, json=body)
        assert (again.status_code, again.content, replayed(again)) == (200, first.content, True)
        assert again.headers["content-type"] == "application/json"
    assert (len(simulator.calls()), simulator.leftovers()) == (made, left)


def test_key_with_another_request_is_409(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance: str
) -> None:
    path = f"/provision/{instance}/openrouter"
    assert send("POST", path, json={"config": {"limit": 3}}).status_code == 200
    made = len(simulator.calls())
    others = [
        ("POST", path, {"config": {"limit": 4}}), ("POST", path, None), ("POST", f"/provision/{instance}/telnyx", None),
        ("POST", "/provision/somebody/openrouter", {"config": {"limit": 3}}), ("DELETE", f"/destroy/{instance}", None),
        ("POST", f"/configure/{instance}", {"variables": {"A": "b"}}), ("POST", f"/redeploy/{instance}", None),
    ]  # fmt: skip
    for method, other, body in others:
        assert code(send(method, other, json=body)) == (409, "IDEMPOTENCY_KEY_REUSED"), other
    assert len(simulator.calls()) == made
    assert replayed(send("POST", path, json={"config": {"limit": 3}}))


def test_the_same_request_written_otherwise_is_the_same(send: Send, instance: str) -> None:
    """As JSON the order of names and spaces mean nothing, nor does an encoded character in the path."""
    path, headers = f"/configure/{instance}", {"Content-Type": "application/json"}
    assert send("POST", path, content='{"variables": {"A": "1", "B": "2"}, "redeploy": false}', headers=headers)
    text = '{"redeploy":false, "variables":{"B":"2","A":"\\u0031"}}'
    assert replayed(send("POST", path.replace("t", "%74", 1), content=text, headers=headers))


@pytest.mark.parametrize("endpoint", ["create", "destroy"])
def test_ten_at_once_have_one_effect_and_one_answer(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance: str, endpoint
) -> None:
    method, path, body = request_of(endpoint, api, instance)
    simulator.config({"latency_ms": 50})
    before = db.execute("SELECT count(*) AS n FROM operations").fetchone()["n"]
    answers = [in_background(lambda: send(method, path, json=body)) for _ in range(10)]
    got = [answer() for answer in answers]
    assert {(one.status_code, one.content) for one in got} == {(200, got[0].content)}
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone()["n"] == before + 1
    assert len([one for one in got if not replayed(one)]) == 1


def test_ten_configures_at_once_set_the_variables_once(simulator: SimulatorClient, send: Send, instance: str) -> None:
    simulator.fault("railway", "variableCollectionUpsert", "slow", seconds=1)
    body = {"variables": {"A": "b"}}
    answers = [in_background(lambda: send("POST", f"/configure/{instance}", json=body)) for _ in range(10)]
    got = [answer() for answer in answers]
    assert calls(simulator, "variableCollectionUpsert") == 1
    refused = [one for one in got if one.status_code != 200]
    assert {code(one) for one in refused} <= {(409, "IDEMPOTENCY_IN_PROGRESS")}
    assert all(int(one.headers["retry-after"]) > 0 for one in refused)
    assert len([one for one in got if one.status_code == 200 and not replayed(one)]) == 1
    assert replayed(send("POST", f"/configure/{instance}", json=body))


def test_after_202_and_after_busy_a_repeat_answers_what_is_now(
    api: httpx.Client, simulator: SimulatorClient, send: Send
) -> None:
    for call in ("serviceCreate", "volumeCreate", "environmentPatchCommit"):
        simulator.fault("railway", call, "slow", seconds=4, times=1)
    body = request_for(fresh_id(), [])
    creating = in_background(lambda: send("POST", "/create-instance", json=body))
    until(simulator.calls)
    path = f"/destroy/{body['instanceId']}"
    assert code(send("DELETE", path, "key-2")) == (409, "BUSY")
    begun = creating()
    assert (begun.status_code, replayed(begun)) == (202, False)
    page = ended(api, begun)
    again = send("POST", "/create-instance", json=body)
    assert (again.status_code, again.json(), replayed(again)) == (200, page["result"], True)
    assert calls(simulator, "serviceCreate") == 1
    gone = send("DELETE", path, "key-2")
    assert (gone.status_code, replayed(gone)) == (200, False)
    assert replayed(send("DELETE", path, "key-2"))
    assert simulator.leftovers() == []


def test_failed_operation_is_replayed_and_a_new_key_tries_again(
    simulator: SimulatorClient, send: Send, instance: str
) -> None:
    fault = simulator.fault("telnyx", "orders.create", "refuse", times=None)
    failed = send("POST", f"/provision/{instance}/telnyx")
    assert code(failed) == (500, "OPERATION_FAILED")
    simulator.remove_fault(fault)
    again = send("POST", f"/provision/{instance}/telnyx")
    assert (again.status_code, again.content, replayed(again)) == (500, failed.content, True)
    assert send("POST", f"/provision/{instance}/telnyx", "key-2").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("nobody", 404), ("somebody-else", 409)])
def test_refusal_that_stands_is_replayed(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance: str, path, status
) -> None:
    if status == 409:
        resource = api.post(f"/provision/{instance}/agentmail").json()["resourceId"]
        path = f"{path}/agentmail/{resource}"
    refused = send("DELETE", f"/destroy/{path}")
    again = send("DELETE", f"/destroy/{path}")
    assert (refused.status_code, again.status_code, again.content) == (status, status, refused.content)
    assert (replayed(refused), replayed(again)) == (False, True)


@pytest.mark.parametrize(("path", "operation", "status"), [("/configure/", "variableCollectionUpsert", 502),
                                                           ("/redeploy/", "deploymentRedeploy", 500)])  # fmt: skip
def test_railways_failure_is_not_kept(
    api: httpx.Client, simulator: SimulatorClient, send: Send, instance: str, path, operation, status
) -> None:
    built(api, instance)
    fault = simulator.fault("railway", operation, "refuse", times=None)
    body = {"variables": {"A": "b"}}
    failed = send("POST", path + instance, json=body)
    assert (failed.status_code, replayed(failed)) == (status, False)
    simulator.remove_fault(fault)
    made = send("POST", path + instance, json=body)
    assert (made.status_code, replayed(made)) == (200, False)


def test_400_and_401_keep_nothing(api: httpx.Client, db: Database, send: Send, instance: str) -> None:
    path = f"/provision/{instance}/openrouter"
    for _ in range(2):
        bad = send("POST", path, json={"config": {"limit": -1}})
        assert (bad.status_code, replayed(bad)) == (400, False)
    assert send("POST", path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert db.execute("SELECT * FROM idempotency_keys").fetchall() == []
    assert send("POST", path).status_code == 200


def test_dead_configure_lets_a_repeat_do_the_work_after_a_while(
    simulator: SimulatorClient, db: Database, send: Send, instance: str
) -> None:
    simulator.fault("railway", "variableCollectionUpsert", "slow", seconds=4)
    body = {"variables": {"A": "b"}}
    first = in_background(lambda: send("POST", f"/configure/{instance}", json=body))
    until(lambda: calls(simulator, "variableCollectionUpsert"))
    assert kill_tasks("services.configure.handler") > 0
    assert first().status_code == 500
    early = until(lambda: served(send("POST", f"/configure/{instance}", json=body)))
    assert (code(early), "retry-after" in early.headers) == ((409, "IDEMPOTENCY_IN_PROGRESS"), True)

    age = f"{TAKEOVER_SECONDS + 1} seconds"
    db.execute("UPDATE idempotency_keys SET claimed_at = claimed_at - %s::interval", (age,))
    late = send("POST", f"/configure/{instance}", json=body)
    assert (late.status_code, replayed(late)) == (200, False)
    assert calls(simulator, "variableCollectionUpsert") == 2
    assert replayed(send("POST", f"/configure/{instance}", json=body))


@pytest.mark.parametrize("endpoint", ["create", "destroy"])
def test_dead_caller_of_an_operation_is_joined_at_once(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance: str, endpoint
) -> None:
    method, path, body = request_of(endpoint, api, instance)
    call = {"create": "serviceCreate", "destroy": "serviceDelete"}[endpoint]
    before = calls(simulator, call)
    simulator.fault("railway", call, "slow", seconds=1)
    first = in_background(lambda: send(method, path, json=body))
    until(lambda: calls(simulator, call) > before)
    assert kill_tasks(f"services.{endpoint}_instance.handler") > 0
    assert first().status_code == 500
    for _ in range(2):
        again = until(lambda: served(send(method, path, json=body)))
        assert (again.status_code, replayed(again)) == (200, True), again.text
    assert calls(simulator, call) == before + 1


def test_operation_whose_caller_died_before_it_started_is_started(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance: str
) -> None:
    path = f"/provision/{instance}/agentmail"
    first = send("POST", path).json()
    assert api.delete(f"/destroy/{instance}/agentmail/{first['resourceId']}").json()["deleted"] is True
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request)"
        " SELECT 'op-' || instance_id, instance_id, kind, request"
        " FROM operations WHERE instance_id = %s AND kind = 'provision'",
        (instance,),
    )
    db.execute(
        "UPDATE idempotency_keys SET state = 'claimed', status = NULL, body = NULL, operation_id = %s",
        (f"op-{instance}",),
    )
    again = send("POST", path)
    assert (again.status_code, again.json()["toolId"]) == (200, "agentmail")
    assert len([left for left in simulator.leftovers() if left.kind == "inbox"]) == 1


def test_answer_that_was_never_recorded_is_found_in_the_operation(
    api: httpx.Client, simulator: SimulatorClient, db: Database, send: Send, instance: str
) -> None:
    first = send("DELETE", f"/destroy/{instance}")
    db.execute("UPDATE idempotency_keys SET state = 'claimed', status = NULL, body = NULL")
    again = send("DELETE", f"/destroy/{instance}")
    assert (again.status_code, again.json(), replayed(again)) == (200, first.json(), True)


@pytest.mark.parametrize("key", [b"", b"a b", b"x" * 256, "schlüssel".encode(), b"a\tb"])
def test_bad_key_is_400_and_says_so(api: httpx.Client, simulator: SimulatorClient, key: bytes) -> None:
    headers = {b"Idempotency-Key": key, b"Authorization": f"Bearer {API_KEY}".encode()}
    answer = api.post("/create-instance", json=request_for(fresh_id()), headers=headers)
    assert code(answer) == (400, "INVALID_INPUT")
    assert "Idempotency-Key must be 1 to 255 visible ASCII characters" in answer.json()["error"]
    assert simulator.calls() == []


@pytest.mark.parametrize("key", ["x" * 255, '"!~,;=%', "op-1"])
def test_odd_keys_are_keys(send: Send, key) -> None:
    assert [replayed(send("DELETE", "/destroy/nobody", key)) for _ in range(2)] == [False, True]


def test_no_secret_is_in_the_table_nor_can_be_guessed_from_it(db: Database, send: Send, instance: str) -> None:
    body = {"variables": {"TOKEN": PLANTED}}
    for key in ("key-1", "key-2"):
        assert send("POST", f"/configure/{instance}", key, json=body).status_code == 200
    rows = db.execute("SELECT * FROM idempotency_keys ORDER BY key").fetchall()
    values = [value for row in rows for value in row.values()]
    stored = b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    assert PLANTED.encode() not in stored
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"], "the same request looks the same: it is not salted"
    for text in (PLANTED, json.dumps(body)):
        assert hashlib.sha256(text.encode()).digest() not in stored


def test_keys_live_for_a_day(db: Database, send: Send) -> None:
    for key in ("key-1", "key-2"):
        assert send("DELETE", "/destroy/nobody", key).status_code == 404
    db.execute("UPDATE idempotency_keys SET created_at = created_at - interval '23 hours 59 minutes'")
    assert replayed(send("DELETE", "/destroy/nobody"))
    db.execute("UPDATE idempotency_keys SET created_at = created_at - interval '2 minutes'")
    other = send("DELETE", "/destroy/somebody")
    assert (other.status_code, replayed(other)) == (404, False)
    assert [row["key"] for row in db.execute("SELECT key FROM idempotency_keys").fetchall()] == ["key-1"]


def test_endpoints_that_only_read_ignore_the_header(send: Send, db: Database, simulator: SimulatorClient) -> None:
    for _ in range(2):
        assert not replayed(send("GET", "/registry", "bad key"))
        assert send("POST", "/status/batch", json={}).status_code == 200
        assert send("GET", "/create-instance").status_code == 405
    assert db.execute("SELECT * FROM idempotency_keys").fetchall() == []


def test_no_database_is_503_in_the_contracts_shape() -> None:
    answer = answer_of("services.redeploy", {"SERVICE_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, key="key-1")
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["code"]) == (503, "DATABASE_UNAVAILABLE")


def test_document_tells_the_header_where_it_is_taken() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    for method, path in KEYED:
        names = [parameter["name"] for parameter in paths[path][method]["parameters"]]
        assert "Idempotency-Key" in names, path
        assert "Idempotent-Replayed" in paths[path][method]["responses"]["200"]["headers"]
    assert "parameters" not in paths["/status/batch"]["post"]
