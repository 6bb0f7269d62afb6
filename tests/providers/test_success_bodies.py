"""A 2xx is a success only with the body that this call's success has; with any other the outcome is unknown."""

import json
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.providers.agentmail import AgentMailProvider
from pointsman.providers.base import delete_resource
from pointsman.providers.openrouter import OpenRouterProvider
from pointsman.providers.railway import RailwayClient
from pointsman.providers.telnyx.account import TelnyxAccount
from pointsman.providers.telnyx.provider import TelnyxProvider
from pointsman.settings.providers import AgentMailSettings, OpenRouterSettings, RailwaySettings
from tests.providers.conftest import ScriptedServer, called_operations
from tests.providers.telnyx_harness import NUMBER, PLAN, make_telnyx_settings

ServerFactory = Callable[..., ScriptedServer]


def make_openrouter(transport: Transport, url: str = "http://openrouter.test/api/v1") -> OpenRouterProvider:
    return OpenRouterProvider(OpenRouterSettings("sk-or-v1-manage", 20.0, "monthly", url, 5.0), transport)


def make_agentmail(transport: Transport, url: str = "http://agentmail.test/v0") -> AgentMailProvider:
    return AgentMailProvider(AgentMailSettings(api_key="am_us_x", domain="", url=url, timeout=5.0), transport)


def make_telnyx(transport: Transport, url: str = "http://telnyx.test/v2") -> TelnyxProvider:
    return TelnyxProvider(make_telnyx_settings(url, messaging_profile_id="p1"), transport)


def make_account(transport: Transport) -> TelnyxAccount:
    return TelnyxAccount(make_telnyx_settings(), transport)


def make_railway(transport: Transport, url: str = "http://railway.test/graphql/v2") -> RailwayClient:
    settings = RailwaySettings(
        token="railway-token",
        project_id="sim-project",
        environment_id="sim-environment",
        environment_name="",
        runtime_image="i",
        url=url,
        timeout=5.0,
    )
    return RailwayClient(settings, transport)


INBOX_PLAN = {"username": "a", "client_id": "a.1", "display_name": "a"}
DEPLOYMENT = {"image": "i", "start_command": "c", "variables": {"A": "1"}}

CALLS: dict[str, Callable[[Transport], object]] = {
    "openrouter create": lambda transport: make_openrouter(transport).create({"name": "a"}, {}),
    "openrouter list": lambda transport: [*make_openrouter(transport).list()],
    "openrouter exists": lambda transport: make_openrouter(transport).exists("h1"),
    "openrouter delete": lambda transport: make_openrouter(transport).start_deletion("h1", {}),
    "openrouter credits": lambda transport: make_openrouter(transport).get_credits(),
    "agentmail create": lambda transport: make_agentmail(transport).create(INBOX_PLAN, {}),
    "agentmail list": lambda transport: [*make_agentmail(transport).list()],
    "agentmail exists": lambda transport: make_agentmail(transport).exists("a@agentmail.to"),
    "agentmail delete": lambda transport: make_agentmail(transport).start_deletion("a@agentmail.to", {}),
    "agentmail confirm": lambda transport: make_agentmail(transport).confirm_deletion("a@agentmail.to"),
    "telnyx search": lambda transport: make_telnyx(transport).plan("a", "1"),
    "telnyx create": lambda transport: make_telnyx(transport).create(PLAN, {}),
    "telnyx find": lambda transport: make_telnyx(transport).find(PLAN),
    "telnyx list": lambda transport: [*make_telnyx(transport).list()],
    "telnyx exists": lambda transport: make_telnyx(transport).exists(NUMBER),
    "telnyx complete": lambda transport: make_telnyx(transport).complete(NUMBER, PLAN),
    "telnyx delete": lambda transport: make_telnyx(transport).start_deletion(NUMBER, {}),
    "telnyx delete by id": lambda transport: make_telnyx(transport).start_deletion(NUMBER, {"number_id": "1"}),
    "telnyx confirm": lambda transport: make_telnyx(transport).confirm_deletion(NUMBER),
    "telnyx order": lambda transport: make_account(transport).get_order("o1"),
    "telnyx orders": lambda transport: make_account(transport).find_orders({}, NUMBER),
    "telnyx reference": lambda transport: make_account(transport).set_reference("1", "a"),
    "telnyx profile": lambda transport: make_account(transport).get_or_create_profile("p"),
    "railway create service": lambda transport: make_railway(transport).create_service("a"),
    "railway services": lambda transport: make_railway(transport).find_services("a"),
    "railway service exists": lambda transport: make_railway(transport).service_exists("s1"),
    "railway environments": lambda transport: make_railway(transport).list_deployed_environment_ids("s1"),
    "railway delete service": lambda transport: make_railway(transport).delete_service("s1"),
    "railway create volume": lambda transport: make_railway(transport).create_volume("s1", "/data"),
    "railway volumes": lambda transport: make_railway(transport).find_volumes("s1"),
    "railway delete volume": lambda transport: make_railway(transport).delete_volume("v1"),
    "railway create domain": lambda transport: make_railway(transport).create_domain("s1"),
    "railway domain": lambda transport: make_railway(transport).find_domain("s1"),
    "railway deploy": lambda transport: make_railway(transport).deploy("s1", **DEPLOYMENT),
    "railway deployment": lambda transport: make_railway(transport).get_latest_deployment("s1"),
    "railway variables": lambda transport: make_railway(transport).set_variables("s1", {"A": "1"}, skip_deploys=True),
    "railway redeploy": lambda transport: make_railway(transport).redeploy("d1"),
    "railway instances": lambda transport: [*make_railway(transport).list_service_instances()],
}

ROOT_FIELDS = (
    "serviceCreate", "serviceDelete", "volumeCreate", "volumeDelete", "serviceDomainCreate", "environmentPatchCommit",
    "variableCollectionUpsert", "deploymentRedeploy", "project", "environment", "serviceInstance", "deployments",
)  # fmt: skip

BODIES: dict[str, bytes] = {
    "empty": b"",
    "html": b"<!doctype html><title>hello</title>",
    "null": b"null",
    "true": b"true",
    "a text": b'"ok"',
    "array": b"[]",
    "object": b"{}",
    "ok": b'{"ok": true}',
    "status": b'{"status": "success"}',
    "data null": b'{"data": null}',
    "data empty": b'{"data": {}}',
    "data text": b'{"data": "done"}',
    "another object": b'{"data": {"id": "x", "record_type": "messaging_profile", "name": "other", "hash": "other"}}',
    "rows of another kind": b'{"data": [{"ok": true}], "inboxes": [{"ok": true}]}',
    "rows that are no objects": b'{"data": [1], "inboxes": ["a"]}',
    "openrouter's error": b'{"error": {"code": 404, "message": "Resource not found"}}',
    "agentmail's error": b'{"name": "NotFoundError", "code": "not_found", "message": "Inbox not found"}',
    "telnyx's error": b'{"errors": [{"code": "10005", "title": "Resource not found", "detail": "x"}]}',
    "an error beside success": (
        b'{"error": {"code": 500, "message": "no"}, "deleted": true, "key": "sk", "inbox_id": "a@agentmail.to",'
        b' "inboxes": [], "data": []}'
    ),
    "errors beside data": b'{"errors": [{"code": "10007", "title": "Unexpected error"}], "data": []}',
    "fields without their members": json.dumps({"data": {name: {"ok": True} for name in ROOT_FIELDS}}).encode(),
    "fields that are no success": json.dumps({"data": dict.fromkeys(ROOT_FIELDS, False)}).encode(),
    "connections without rows": json.dumps(
        {"data": {"project": {"services": {"edges": []}}, "environment": {"volumeInstances": {"edges": []}}}}
    ).encode(),
    "connections without an end": json.dumps(
        {
            "data": {
                "project": {"services": {"edges": [], "pageInfo": {"ok": 1}}},
                "environment": {
                    "volumeInstances": {"edges": [], "pageInfo": {"ok": 1}},
                    "serviceInstances": {"edges": [], "pageInfo": {"ok": 1}},
                },
                "deployments": {"edges": [], "pageInfo": {"ok": 1}},
            }
        }
    ).encode(),
    "connections with other rows": json.dumps(
        {
            "data": {
                "project": {"services": {"edges": [{"node": {"ok": 1}}], "pageInfo": {"hasNextPage": False}}},
                "environment": {
                    "volumeInstances": {"edges": [{"node": {"ok": 1}}], "pageInfo": {"hasNextPage": False}},
                    "serviceInstances": {"edges": [{"node": {"ok": 1}}], "pageInfo": {"hasNextPage": False}},
                },
                "deployments": {"edges": [{"node": {"ok": 1}}], "pageInfo": {"hasNextPage": False}},
            }
        }
    ).encode(),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("call", CALLS)
def test_a_2xx_with_another_body_leaves_the_outcome_unknown(call: str, body: str, scripted_server: ServerFactory):
    server = scripted_server(httpx.Response(200, content=BODIES[body]))
    with pytest.raises(ProviderUnavailable) as raised:
        CALLS[call](server.transport)
    assert raised.value.outcome_unknown, raised.value.message


@pytest.mark.parametrize("status", [201, 202, 204])
@pytest.mark.parametrize("call", [call for call in CALLS if call != "agentmail delete"])
def test_no_other_2xx_is_a_success_without_a_body(call: str, status: int, scripted_server: ServerFactory):
    with pytest.raises(ProviderUnavailable) as raised:
        CALLS[call](scripted_server(httpx.Response(status)).transport)
    assert raised.value.outcome_unknown


def test_the_error_in_the_body_is_quoted(scripted_server: ServerFactory):
    server = scripted_server(httpx.Response(200, json={"error": {"code": 500, "message": "database sk-or-v1-manage"}}))
    with pytest.raises(ProviderUnavailable, match="HTTP 200 with an error: database") as raised:
        make_openrouter(server.transport).exists("h1")
    assert "sk-or-v1-manage" not in raised.value.message


def create_key(sim: SimulatorClient, transport: Transport) -> tuple[OpenRouterProvider, Callable[[], bool]]:
    provider = make_openrouter(transport, sim.base_urls.openrouter)
    key = provider.create({"name": "a"}, {})
    return provider, lambda: delete_resource(provider, key.id)


def create_inbox(sim: SimulatorClient, transport: Transport) -> tuple[AgentMailProvider, Callable[[], bool]]:
    provider = make_agentmail(transport, sim.base_urls.agentmail)
    inbox = provider.create(INBOX_PLAN, {})
    return provider, lambda: delete_resource(provider, inbox.id)


def create_number(sim: SimulatorClient, transport: Transport) -> tuple[TelnyxProvider, Callable[[], bool]]:
    provider = make_telnyx(transport, sim.base_urls.telnyx)
    (number,) = sim.seed_numbers(1, "convos-agent-a")
    return provider, lambda: delete_resource(provider, number["phone_number"], {"number_id": number["id"]})


def create_service(sim: SimulatorClient, transport: Transport) -> tuple[RailwayClient, Callable[[], bool]]:
    client = make_railway(transport, sim.base_urls.railway)
    service_id = client.create_service("a")
    return client, lambda: client.delete_service(service_id)


def create_volume(sim: SimulatorClient, transport: Transport) -> tuple[RailwayClient, Callable[[], bool]]:
    client = make_railway(transport, sim.base_urls.railway)
    volume_id = client.create_volume(client.create_service("a"), "/data")
    return client, lambda: client.delete_volume(volume_id)


DELETIONS = [
    pytest.param("openrouter", "keys.delete", create_key, id="key"),
    pytest.param("agentmail", "inboxes.delete", create_inbox, id="inbox"),
    pytest.param("telnyx", "numbers.delete", create_number, id="number"),
    pytest.param("railway", "serviceDelete", create_service, id="service"),
    pytest.param("railway", "volumeDelete", create_volume, id="volume"),
]
FAULTS = [
    pytest.param({"kind": "error_body"}, id="error"),
    pytest.param({"kind": "error_body", "status": 404}, id="error 404"),
    pytest.param({"kind": "other_shape"}, id="ok"),
    pytest.param({"kind": "other_shape", "body": {}}, id="object"),
    pytest.param({"kind": "other_shape", "body": []}, id="array"),
    pytest.param({"kind": "other_shape", "body": None}, id="null"),
    pytest.param({"kind": "other_shape", "body": {"deleted": False}}, id="not deleted"),
    pytest.param({"kind": "other_shape", "body": {"data": {"id": "other", "status": "deleted"}}}, id="another one"),
    pytest.param({"kind": "other_shape", "status": 202, "body": {"error": {"message": "no"}}}, id="202 with an error"),
    pytest.param({"kind": "empty"}, id="empty"),
    pytest.param({"kind": "garbage", "done": False}, id="html"),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("provider", "operation", "create"), DELETIONS)
def test_what_is_still_there_after_such_an_answer_is_deleted_again(
    provider, operation, create, fault, sim: SimulatorClient, fast_transport: Transport
):
    client, delete = create(sim, fast_transport)
    sim.inject_fault(provider, operation, **fault)
    assert delete() is True
    assert called_operations(sim).count(operation) == 2
    assert [left.kind for left in sim.list_leftovers()] == (["service"] if operation == "volumeDelete" else [])
    client.http_client.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("provider", "operation", "create"), DELETIONS)
def test_what_is_still_there_after_all_attempts_is_never_reported_as_deleted(
    provider, operation, create, fault, sim: SimulatorClient, fast_transport: Transport
):
    client, delete = create(sim, fast_transport)
    before = sim.list_leftovers()
    sim.inject_fault(provider, operation, times=None, **fault)
    with pytest.raises(ProviderUnavailable):
        delete()
    assert sim.list_leftovers() == before
    client.http_client.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("provider", "operation", "create"), DELETIONS)
def test_a_deletion_that_was_done_all_the_same_is_proved_by_a_look(
    provider, operation, create, fault, sim: SimulatorClient, fast_transport: Transport
):
    client, delete = create(sim, fast_transport)
    sim.inject_fault(provider, operation, **(fault | {"done": True, "times": None}))
    # Railway's listing shows the absence, and not who has deleted it.
    assert delete() is (provider != "railway")
    assert called_operations(sim).count(operation) == 1
    client.http_client.close()


@pytest.mark.parametrize(("provider", "operation", "create"), DELETIONS)
def test_a_look_that_fails_is_no_proof(provider, operation, create, sim: SimulatorClient, fast_transport: Transport):
    client, delete = create(sim, fast_transport)
    before = sim.list_leftovers()
    sim.inject_fault(provider, operation, "error_body", times=None)
    for look in ("keys.get", "inboxes.get", "numbers.get", "numbers.list", "project", "environment"):
        sim.inject_fault(provider, look, "error_body", status=404, times=None)
    with pytest.raises(ProviderUnavailable):
        delete()
    assert sim.list_leftovers() == before
    client.http_client.close()


@pytest.mark.parametrize(
    ("create", "calls"),
    [
        pytest.param(create_key, ["keys.delete"], id="key"),
        pytest.param(create_inbox, ["inboxes.delete"], id="inbox"),
        pytest.param(create_number, ["numbers.delete", "numbers.list"], id="number"),
        pytest.param(create_service, ["serviceDelete"], id="service"),
        pytest.param(create_volume, ["volumeDelete"], id="volume"),
    ],
)
def test_the_usual_deletion_needs_no_look(create, calls, sim: SimulatorClient, fast_transport: Transport):
    client, delete = create(sim, fast_transport)
    before = len(sim.list_calls())
    assert delete() is True
    assert called_operations(sim)[before:] == calls
    client.http_client.close()


def test_railways_errors_beside_data_never_mean_that_nothing_was_done(scripted_server: ServerFactory):
    body = {"data": {"serviceCreate": {"id": "s1"}}, "errors": [{"message": "Not Authorized"}]}
    with pytest.raises(ProviderUnavailable) as raised:
        make_railway(scripted_server(httpx.Response(200, json=body)).transport).create_service("a")
    assert raised.value.outcome_unknown


def test_a_listing_of_telnyx_ends_only_where_its_meta_says_so(scripted_server: ServerFactory):
    row = {"id": "1", "phone_number": NUMBER, "customer_reference": "r", "status": "active"}
    server = scripted_server(
        httpx.Response(200, json={"data": [row], "meta": {"total_pages": 3}}), httpx.Response(200, json={"data": []})
    )
    with pytest.raises(ProviderUnavailable, match="number of pages"):
        [*make_telnyx(server.transport).list()]


def test_a_wrong_page_is_read_again(sim: SimulatorClient, fast_transport: Transport):
    provider = make_openrouter(fast_transport, sim.base_urls.openrouter)
    key = provider.create({"name": "a"}, {})
    for fault in ({"kind": "error_body"}, {"kind": "other_shape"}, {"kind": "empty"}):
        sim.inject_fault("openrouter", "keys.list", **fault)
        assert [found.id for found in provider.find({"name": "a"})] == [key.id]
    provider.http_client.close()


def test_an_order_whose_id_is_known_is_read_and_not_searched(sim: SimulatorClient, fast_transport: Transport):
    sim.update_config({"telnyx": {"order_seconds": 0.05, "number_lag_s": 0.3}})
    provider = make_telnyx(fast_transport, sim.base_urls.telnyx)
    profile_id = make_account_profile(sim)
    plan = provider.plan("convos-agent-a", "1") | {"messaging_profile_id": profile_id}
    resource = provider.create(plan, {})
    sim.inject_fault("telnyx", "orders.list", "garbage", times=None)
    assert delete_resource(provider, resource.id, resource.meta) is True
    assert sim.list_leftovers() == []
    provider.http_client.close()


def make_account_profile(sim: SimulatorClient) -> str:
    account = TelnyxAccount(make_telnyx_settings(sim.base_urls.telnyx))
    profile_id = account.get_or_create_profile("convos-agent")
    account.http_client.close()
    return profile_id
