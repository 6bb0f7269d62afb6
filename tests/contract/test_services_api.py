"""Part A of the wire contract over HTTP against the running stack."""

import json

import httpx
import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from tests.harness.background import run_concurrently, run_in_background
from tests.harness.clients import open_client
from tests.harness.database import Database
from tests.harness.instances import TOOLS, create_instance, create_request, new_instance_id, wait_for_operation
from tests.harness.provider_api import ProviderClient
from tests.harness.simulator import list_deployments
from tests.harness.stack import API_KEY, POOL_API_KEY
from tests.harness.wait import wait_until

UNAUTHORIZED = "Invalid or missing API key"


def test_healthz_needs_no_key_and_calls_no_provider(stack: Stack, simulator: SimulatorClient) -> None:
    with open_client(stack.url) as client:
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert simulator.list_calls() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/registry"),
        ("POST", "/create-instance"),
        ("DELETE", "/destroy/x"),
        ("POST", "/status/batch"),
        ("GET", "/operations/x"),
        ("GET", "/no/such/path"),
        ("POST", "/healthz"),
    ],
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic " + API_KEY, API_KEY, "Bearer", "Bearer é"])
def test_wrong_key_is_401_everywhere(stack: Stack, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    with open_client(stack.url) as client:
        response = client.request(method, path, headers=headers, content=b"not json")
    assert response.status_code == 401
    assert response.json()["error"] == UNAUTHORIZED
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_is_case_insensitive(stack: Stack, scheme: str) -> None:
    with open_client(stack.url) as client:
        assert client.get("/registry", headers={"Authorization": f"{scheme} {API_KEY}"}).status_code == 200


def test_registry_is_exactly_these_three_in_this_order(api: httpx.Client) -> None:
    assert api.get("/registry").json() == {
        "tools": [
            {"id": "openrouter", "name": "OpenRouter", "mode": "per-instance-key", "envKeys": ["OPENROUTER_API_KEY"]},
            {"id": "agentmail", "name": "AgentMail", "mode": "per-instance-inbox", "envKeys": ["AGENTMAIL_INBOX_ID"]},
            {
                "id": "telnyx",
                "name": "Telnyx",
                "mode": "per-instance-phone",
                "envKeys": ["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"],
            },
        ]
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/create-instance", 405, "POST"),
        ("POST", "/destroy/x", 405, "DELETE"),
        ("PUT", "/status/batch", 405, "POST"),
        ("DELETE", "/healthz", 405, "GET"),
        ("GET", "/nothing/here", 404, None),
        ("POST", "/", 404, None),
    ],
)
def test_unknown_routes_and_methods_return_json(api: httpx.Client, method, path, status, allowed) -> None:
    response = api.request(method, path)
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)
    assert response.headers.get("allow") == allowed


BAD_BODIES = [
    (b"", "JSON"),
    (b"{", "not valid JSON"),
    (b"[]", "object"),
    (b"null", "object"),
    (b"{}", "instanceId and name are required"),
    (b'{"instanceId": "", "name": "x"}', "instanceId and name are required"),
    (b'{"instanceId": "x"}', "instanceId and name are required"),
    (b'{"instanceId": 7, "name": "x"}', "instanceId"),
    (b'{"instanceId": "x", "name": null}', "name"),
    (b'{"instanceId": "x", "name": "x", "tools": "openrouter"}', "tools"),
    (b'{"instanceId": "x", "name": "x", "tools": ["fax"]}', "fax"),
    (b'{"instanceId": "a/b", "name": "x"}', "instanceId"),
    (b'{"instanceId": "a\\nb", "name": "x"}', "instanceId"),
    (json.dumps({"instanceId": "a" * 300, "name": "x"}).encode(), "instanceId"),
    (json.dumps({"instanceId": "a", "name": "n" * 33}).encode(), "name"),
    (json.dumps({"instanceId": "a", "name": "convos-agent-pool-manager"}).encode(), "pool-manager"),
    (b'\xff\xfe{"instanceId": "x"}', "JSON"),
]


@pytest.mark.parametrize(("body", "says"), BAD_BODIES)
def test_invalid_create_is_400_names_the_field_and_changes_nothing(
    api: httpx.Client, simulator: SimulatorClient, db: Database, body, says
) -> None:
    before = db.execute("SELECT count(*) AS n FROM operations").fetchone()
    response = api.post("/create-instance", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert says in response.json()["error"]
    assert db.execute("SELECT count(*) AS n FROM operations").fetchone() == before
    assert simulator.list_calls() == []


@pytest.mark.parametrize("size", [2 * 1024 * 1024, 11 * 1024 * 1024])
def test_body_over_the_limit_is_413(api: httpx.Client, size: int) -> None:
    response = api.post("/create-instance", content=b'"' + b"x" * size + b'"')
    assert response.status_code == 413
    assert "limit" in response.json()["error"]


def test_create_returns_the_contracts_body_and_writes_its_rows(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id())
    response = create_instance(api, body)
    assert response.status_code == 200, response.text
    created = response.json()
    assert list(created) == ["instanceId", "serviceId", "url", "services"]
    assert created["instanceId"] == body["instanceId"]
    assert list(created["services"]) == TOOLS
    state = simulator.get_state()

    infra = db.execute("SELECT * FROM instance_infra WHERE instance_id = %s", (body["instanceId"],)).fetchone()
    assert infra["provider"] == "railway"
    assert infra["provider_service_id"] == created["serviceId"]
    assert (infra["provider_project_id"], infra["provider_env_id"]) == ("sim-project", "sim-environment")
    assert infra["url"] == created["url"]
    assert infra["volume_id"] in [leftover.id for leftover in simulator.list_leftovers()]
    assert infra["runtime_image"] == "ghcr.io/xmtplabs/convos-runtime:latest"
    rows = db.execute(
        "SELECT tool_id, resource_id, env_key, env_value, resource_meta, status FROM instance_services"
        " WHERE instance_id = %s ORDER BY id",
        (body["instanceId"],),
    ).fetchall()
    assert {row["tool_id"]: {"resourceId": row["resource_id"]} for row in rows} == created["services"]
    assert [row["env_key"] for row in rows] == ["OPENROUTER_API_KEY", "AGENTMAIL_INBOX_ID", "TELNYX_PHONE_NUMBER"]
    assert rows[2]["env_value"] == created["services"]["telnyx"]["resourceId"]
    assert {row["status"] for row in rows} == {"active"}
    assert "convos-agent-" + body["instanceId"] in json.dumps(state)


def test_runtime_gets_its_variables_limits_and_volume_before_the_first_deploy(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id())
    created = create_instance(api, body).json()
    railway = simulator.get_state()["railway"]
    assert railway["services"][created["serviceId"]]["name"] == body["name"]
    (deployment,) = list_deployments(simulator, created["serviceId"])
    variables = deployment["variables"]
    assert set(variables) >= {
        "OPENCLAW_GATEWAY_TOKEN", "SETUP_PASSWORD", "PRIVATE_WALLET_KEY", "OPENCLAW_STATE_DIR", "CHROMIUM_PATH",
        "XMTP_ENV", "POOL_API_KEY", "AGENTMAIL_API_KEY", "TELNYX_API_KEY", "OPENROUTER_API_KEY", "AGENTMAIL_INBOX_ID",
        "TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID",
    }  # fmt: skip
    assert len(bytes.fromhex(variables["OPENCLAW_GATEWAY_TOKEN"])) == 32
    assert len(bytes.fromhex(variables["SETUP_PASSWORD"])) == 16
    assert variables["PRIVATE_WALLET_KEY"].startswith("0x")
    assert len(bytes.fromhex(variables["PRIVATE_WALLET_KEY"][2:])) == 32
    assert (variables["OPENCLAW_STATE_DIR"], variables["CHROMIUM_PATH"]) == ("/app", "/usr/bin/chromium")
    assert (variables["XMTP_ENV"], variables["POOL_API_KEY"]) == ("dev", POOL_API_KEY)
    assert variables["TELNYX_PHONE_NUMBER"] == created["services"]["telnyx"]["resourceId"]
    assert deployment["volume_attached"] is True
    assert deployment["start_command"] == "node scripts/pool-server.js"
    assert deployment["image"] == "ghcr.io/xmtplabs/convos-runtime:latest"
    assert (deployment["cpu"], deployment["memory_bytes"]) == (4, 8 * 1024**3)
    assert f"https://{deployment['domain']}" == created["url"]


def test_repeated_create_creates_nothing_and_returns_the_same(api: httpx.Client, simulator: SimulatorClient) -> None:
    body = create_request(new_instance_id())
    first = create_instance(api, body)
    leftovers, calls = simulator.list_leftovers(), len(simulator.list_calls())
    again = create_instance(api, {**body, "tools": list(reversed(TOOLS))})
    assert (again.status_code, again.json()) == (200, first.json())
    assert simulator.list_leftovers() == leftovers
    assert len(simulator.list_calls()) == calls
    other = create_instance(api, {**body, "tools": []})
    assert other.status_code == 409
    assert body["instanceId"] in other.json()["error"]


def test_a_name_conflict_is_409_before_any_provider_call(api: httpx.Client, simulator: SimulatorClient) -> None:
    body = create_request(new_instance_id())
    assert create_instance(api, body).status_code == 200
    calls = len(simulator.list_calls())
    other = create_instance(api, {**body, "instanceId": new_instance_id()})
    assert (other.status_code, body["instanceId"] in other.json()["error"]) == (409, True)
    assert len(simulator.list_calls()) == calls
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    assert create_instance(api, {**body, "instanceId": new_instance_id()}).status_code == 200


def test_concurrent_identical_creates_create_one_instance_and_return_it_twice(
    api: httpx.Client, simulator: SimulatorClient
) -> None:
    simulator.update_config({"latency_ms": 50})
    body = create_request(new_instance_id())
    first, second = run_concurrently(*[lambda: create_instance(api, body)] * 2)
    assert first.status_code == second.status_code == 200, (first.text, second.text)
    assert first.json() == second.json()
    kinds = sorted(leftover.kind for leftover in simulator.list_leftovers())
    assert kinds == ["inbox", "key", "number", "order", "service", "volume"]


def test_another_create_request_during_a_create_is_409(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"latency_ms": 200})
    body = create_request(new_instance_id(), ["openrouter"])
    creating = run_in_background(lambda: create_instance(api, body))
    wait_until(simulator.list_calls)
    assert create_instance(api, {**body, "tools": []}).status_code == 409
    assert creating.result().status_code == 200


def test_destroy_during_a_create_waits_for_it(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.update_config({"latency_ms": 100})
    body = create_request(new_instance_id(), ["openrouter"])
    creating = run_in_background(lambda: create_instance(api, body))
    wait_until(simulator.list_calls)
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert (creating.result().status_code, destroyed.status_code) == (200, 200), destroyed.text
    assert simulator.list_leftovers() == []


def test_operation_lists_its_steps(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    assert create_instance(api, body).status_code == 200
    row = db.execute("SELECT id FROM operations WHERE instance_id = %s", (body["instanceId"],)).fetchone()
    page = api.get(f"/operations/{row['id']}").json()
    assert "resources" not in page
    assert (page["operationId"], page["kind"], page["status"]) == (row["id"], "create", "succeeded")
    names = [step["name"] for step in page["steps"]]
    assert sorted(names) == ["deploy", "domain", "openrouter", "service", "volume"]
    assert names[-1] == "deploy"
    assert all(step["startedAt"] <= step["endedAt"] for step in page["steps"])
    assert page["result"]["instanceId"] == body["instanceId"]
    resources = api.get(f"/operations/{row['id']}?resources=true").json()["resources"]
    created = {(resource["provider"], resource["kind"], resource["state"]) for resource in resources}
    assert created == {
        ("railway", "service", "created"), ("railway", "volume", "created"), ("railway", "domain", "created"),
        ("openrouter", "tool", "created"),
    }  # fmt: skip
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200
    destroy, create = api.get("/operations", params={"instanceId": body["instanceId"]}).json()["operations"]
    for operation in (destroy, create):
        resources = api.get(f"/operations/{operation['operationId']}?resources=true").json()["resources"]
        assert {resource["state"] for resource in resources} == {"deleted"}
        assert len(resources) == 4
    assert api.get("/operations/op-unknown").status_code == 404
    assert api.get(f"/operations/{row['id']}?resources=yes").status_code == 400


@pytest.mark.slow
def test_slow_create_returns_202_and_continues(api: httpx.Client, simulator: SimulatorClient) -> None:
    for call in ("serviceCreate", "volumeCreate", "environmentPatchCommit"):
        simulator.inject_fault("railway", call, "slow", seconds=4, times=1)
    body = create_request(new_instance_id(), [])
    creating = run_in_background(lambda: create_instance(api, body))
    wait_until(simulator.list_calls)
    busy = api.delete(f"/destroy/{body['instanceId']}")
    response = creating.result()
    assert response.status_code == 202, response.text
    operation_id = response.json()["operationId"]
    assert response.json() == {"instanceId": body["instanceId"], "operationId": operation_id, "status": "running"}
    assert response.headers["location"] == f"/operations/{operation_id}"
    assert int(response.headers["retry-after"]) > 0
    assert (busy.status_code, busy.json()["code"], busy.json()["operationId"]) == (409, "BUSY", operation_id)
    page = wait_for_operation(api, operation_id)
    assert page["status"] == "succeeded"
    again = create_instance(api, body)
    assert (again.status_code, again.json()) == (200, page["result"])


def test_create_continues_after_its_client_disconnects(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.inject_fault("railway", "environmentPatchCommit", "slow", seconds=1.0, times=1)
    body = create_request(new_instance_id(), ["openrouter"])
    impatient_client = httpx.Client(base_url=api.base_url, headers=api.headers, timeout=0.3)
    with impatient_client, pytest.raises(httpx.ReadTimeout):
        impatient_client.post("/create-instance", json=body)
    response = create_instance(api, body)
    assert response.status_code == 200
    assert len([leftover for leftover in simulator.list_leftovers() if leftover.kind == "service"]) == 1


def test_destroy_deletes_and_lists_everything(api: httpx.Client, simulator: SimulatorClient, db: Database) -> None:
    body = create_request(new_instance_id(), ["openrouter", "telnyx"])
    create_instance(api, body)
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert destroyed.status_code == 200, destroyed.text
    assert destroyed.json() == {
        "instanceId": body["instanceId"],
        "destroyed": {"openrouter": True, "agentmail": False, "telnyx": True, "volumes": True, "service": True},
    }
    assert simulator.list_leftovers() == []
    again = api.delete(f"/destroy/{body['instanceId']}")
    assert (again.status_code, again.json()["error"]) == (404, f"Instance {body['instanceId']} not found")


def test_destroy_reports_resources_that_were_deleted_before(api: httpx.Client, providers: ProviderClient) -> None:
    body = create_request(new_instance_id(), ["openrouter"])
    key = create_instance(api, body).json()["services"]["openrouter"]["resourceId"]
    assert providers.request_openrouter("DELETE", f"/keys/{key}").status_code == 200
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert destroyed.status_code == 200
    assert destroyed.json()["destroyed"]["openrouter"] is True


def test_failed_destroy_keeps_the_row_and_can_be_retried(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), ["openrouter", "agentmail"])
    create_instance(api, body)
    fault = simulator.inject_fault("agentmail", "inboxes.delete", "refuse", times=None, status=403)
    response = api.delete(f"/destroy/{body['instanceId']}")
    assert response.status_code == 500, response.text
    assert response.json()["destroyed"] == {
        "openrouter": True, "agentmail": False, "telnyx": False, "volumes": True, "service": True,
    }  # fmt: skip
    assert "agentmail" in response.json()["error"]
    rows = db.execute(
        "SELECT tool_id, status FROM instance_services WHERE instance_id = %s ORDER BY id", (body["instanceId"],)
    ).fetchall()
    assert [(row["tool_id"], row["status"]) for row in rows] == [
        ("openrouter", "destroyed"), ("agentmail", "destroy_failed"),
    ]  # fmt: skip
    assert create_instance(api, body).status_code == 409
    simulator.remove_fault(fault)
    again = api.delete(f"/destroy/{body['instanceId']}")
    assert again.status_code == 200, again.text
    assert again.json()["destroyed"]["openrouter"] is True
    assert again.json()["destroyed"]["agentmail"] is True
    assert simulator.list_leftovers() == []


def test_status_batch_lists_agents_of_this_environment(
    api: httpx.Client, simulator: SimulatorClient, providers: ProviderClient
) -> None:
    body = create_request(new_instance_id(), [])
    created = create_instance(api, body).json()
    simulator.seed_services(3, prefix="convos-agent-seed-")
    simulator.seed_services(1, prefix="something-else")
    providers.create_service("convos-agent-pool-manager")
    response = api.post("/status/batch", json={"instanceIds": []}).json()
    assert response["projectId"] == "sim-project"
    names = {service["name"] for service in response["services"]}
    assert names == {body["name"], *(f"convos-agent-seed-{n:05d}" for n in (1, 2, 3))}
    services = api.post("/status/batch", json={"instanceIds": [body["instanceId"]]}).json()["services"]
    assert len(services) == 1
    assert set(services[0]) == {
        "instanceId", "serviceId", "name", "deployStatus", "domain", "image", "environmentIds",
    }  # fmt: skip
    assert (services[0]["serviceId"], services[0]["environmentIds"]) == (created["serviceId"], ["sim-environment"])
    assert f"https://{services[0]['domain']}" == created["url"]


def test_status_batch_reads_all_pages_and_takes_no_body(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.seed_services(1203)
    assert len(api.post("/status/batch").json()["services"]) == 1203


def test_status_batch_is_502_when_railway_cannot_be_read(api: httpx.Client, simulator: SimulatorClient) -> None:
    simulator.seed_services(600)
    simulator.inject_fault("railway", "environment", "server_error", times=None, after=1)
    response = api.post("/status/batch", json={})
    assert response.status_code == 502
    assert "railway" in response.json()["error"]
    assert "services" not in response.json()
