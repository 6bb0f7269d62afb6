"""AgentMail: inboxes, their listing and the meaning of its errors."""

import json
import re
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.providers import agentmail as module
from pointsman.providers.agentmail import AgentMailProvider
from pointsman.providers.base import delete_resource
from pointsman.settings.providers import AgentMailSettings
from tests.providers.conftest import ScriptedServer, called_operations


def make_settings(url="http://agentmail.test/v0", **changes):
    values = {"api_key": "am_us_secret", "domain": "", "url": url, "timeout": 5.0}
    return AgentMailSettings(**(values | changes))


@pytest.fixture
def agentmail(sim: SimulatorClient, fast_transport: Transport):
    provider = AgentMailProvider(make_settings(sim.base_urls.agentmail), fast_transport)
    yield provider
    provider.http_client.close()


def test_an_inbox_from_plan_to_deletion(agentmail: AgentMailProvider, sim: SimulatorClient):
    plan = agentmail.plan("convos-agent-a", "op1")
    assert plan == {
        "username": "convos-agent-a",
        "client_id": "convos-agent-a.op1",
        "display_name": "convos-agent-a",
    }
    resource = agentmail.create(plan, {})
    assert resource.id == "convos-agent-a@agentmail.to"
    assert resource.env == {"AGENTMAIL_INBOX_ID": resource.id}
    assert resource.name == "convos-agent-a.op1"
    assert agentmail.create(plan, {}).id == resource.id
    assert agentmail.adoptable
    assert [inbox.env for inbox in agentmail.find(plan)] == [resource.env]
    assert agentmail.find(agentmail.plan("convos-agent-a", "op2")) == []
    assert [(inbox.id, inbox.name) for inbox in agentmail.list()] == [(resource.id, resource.name)]
    assert delete_resource(agentmail, resource.id) is True
    assert delete_resource(agentmail, resource.id) is False
    assert sim.list_leftovers() == []


def test_the_domain_of_the_settings_is_part_of_the_plan(sim: SimulatorClient):
    sim.update_config({"agentmail": {"verified_domains": ["agentmail.to", "mail.example"]}})
    provider = AgentMailProvider(make_settings(sim.base_urls.agentmail, domain="mail.example"))
    assert provider.create(provider.plan("a", "1"), {}).id == "a@mail.example"


@pytest.mark.parametrize("reference", ["convos-agent-ABC", "a b", "a_b", "ü", "…", "x" * 200, "a@b/c", "-a-", "\ud800"])
def test_any_reference_gives_a_valid_user_name_and_client_id(reference):
    plan = AgentMailProvider(make_settings()).plan(reference, "op-1")
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", plan["username"])
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,256}", plan["client_id"])


def test_similar_references_get_different_names():
    client = AgentMailProvider(make_settings())
    references = ["a-b", "a b", "a_b", "A-b", "a--b", "x" * 100, "x" * 101]
    assert len({client.plan(reference, "1")["username"] for reference in references}) == len(references)
    assert len({client.plan(reference, "1")["client_id"] for reference in references}) == len(references)


@pytest.mark.parametrize("status", [403, 409])
def test_a_name_taken_by_another_customer_gets_a_suffix(status, agentmail: AgentMailProvider, sim: SimulatorClient):
    sim.update_config({"agentmail": {"taken_status": status, "taken_usernames": ["convos-agent-a"]}})
    plan = agentmail.plan("convos-agent-a", "op1")
    resource = agentmail.create(plan, {})
    assert re.fullmatch(r"convos-agent-a-[0-9a-f]{8}@agentmail\.to", resource.id)
    assert [inbox.id for inbox in agentmail.find(plan)] == [resource.id]
    assert agentmail.create(plan, {}).id == resource.id


def test_a_name_taken_by_an_earlier_operation_gets_a_suffix(agentmail: AgentMailProvider):
    first = agentmail.create(agentmail.plan("convos-agent-a", "op1"), {})
    second = agentmail.create(agentmail.plan("convos-agent-a", "op2"), {})
    assert first.id != second.id
    assert second.name == "convos-agent-a.op2"


def test_a_taken_name_with_the_plans_client_id_is_adopted(scripted_server: Callable[..., ScriptedServer]):
    plan = {"username": "a", "client_id": "a.1", "display_name": "a"}
    server = scripted_server(
        httpx.Response(403, json={"name": "IsTakenError", "message": "x"}),
        httpx.Response(200, json={"inbox_id": "a@agentmail.to", "client_id": "a.1"}),
    )
    assert AgentMailProvider(make_settings(), server.transport).create(plan, {}).id == "a@agentmail.to"
    assert [request.method for request in server.requests] == ["POST", "GET"]
    assert server.requests[1].url.raw_path == b"/v0/inboxes/a%40agentmail.to"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"message": "Forbidden"}, "unauthorized"),
        (403, {"name": "LimitExceededError", "code": "limit_exceeded", "message": "Inbox limit exceeded"}, "limit"),
        (403, {"name": "LimitExceededError", "message": "Inbox limit exceeded"}, "limit"),
        (403, {"name": "IsTakenError", "message": "x"}, "taken"),
        (403, {"code": "resource_taken", "message": "x"}, "taken"),
        (409, {"message": "Email address is already taken"}, "taken"),
        (409, {"code": "conflict", "message": "Email address is already taken"}, "taken"),
        (401, {"code": "unknown_api_key", "message": "x"}, "unauthorized"),
        (400, {"name": "ValidationError", "errors": []}, "invalid"),
        (422, {"code": "unprocessable"}, "invalid"),
        (409, {"code": "cannot_delete"}, "not_ready"),
        (404, {"name": "NotFoundError", "code": "not_found"}, "not_found"),
    ],
)
def test_the_reason_is_parsed_from_code_name_and_message(
    status, body, reason, scripted_server: Callable[..., ScriptedServer]
):
    response = httpx.Response(status, json=body)
    with pytest.raises(ProviderRejected) as raised:
        AgentMailProvider(make_settings(), scripted_server(response).transport).http_client.send(
            "s", "POST", "/inboxes", body={}
        )
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (409, {"code": "race_condition"}, True),
        (409, {"code": "conflict", "message": "try again"}, True),
        (409, {"message": "?"}, True),
        (409, {"code": "resource_deleting"}, False),
        (429, {"code": "rate_limit_exceeded"}, False),
        (503, {"code": "service_unavailable"}, True),
    ],
)
def test_conflicts_are_unavailable(status, body, unknown, scripted_server: Callable[..., ScriptedServer]):
    response = httpx.Response(status, json=body)
    with pytest.raises(ProviderUnavailable) as raised:
        AgentMailProvider(make_settings(), scripted_server(response).transport).http_client.send(
            "s", "POST", "/inboxes", body={}
        )
    assert raised.value.outcome_unknown is unknown


def test_the_inbox_limit_and_a_bad_key_have_different_reasons(agentmail: AgentMailProvider, sim: SimulatorClient):
    sim.update_config({"agentmail": {"inbox_limit": 1}})
    agentmail.create(agentmail.plan("a", "1"), {})
    with pytest.raises(ProviderRejected) as raised:
        agentmail.create(agentmail.plan("b", "1"), {})
    assert raised.value.reason == "limit"
    with pytest.raises(ProviderRejected) as raised:
        [*AgentMailProvider(make_settings(sim.base_urls.agentmail, api_key="bad-token")).list()]
    assert raised.value.reason == "unauthorized"


@pytest.mark.parametrize("empty", [False, True])
def test_all_pages_are_read_also_empty_ones(empty, agentmail: AgentMailProvider, sim: SimulatorClient):
    sim.update_config({"agentmail": {"page_default": 5, "empty_page_with_token": empty}})
    resource = {agentmail.create(agentmail.plan(f"agent-{number}", "1"), {}).id for number in range(12)}
    assert {inbox.id for inbox in agentmail.list()} == resource
    assert len(agentmail.find(agentmail.plan("agent-0", "1"))) == 1


def test_a_repeated_page_token_is_an_error(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"count": 0, "inboxes": [], "next_page_token": "t"}))
    with pytest.raises(ProviderUnavailable, match="token"):
        [*AgentMailProvider(make_settings(), server.transport).list()]


def test_an_accepted_deletion_is_polled_until_the_inbox_is_gone(agentmail: AgentMailProvider, sim: SimulatorClient):
    sim.update_config({"agentmail": {"delete_status": 202, "delete_seconds": 0.1}})
    resource = agentmail.create(agentmail.plan("a", "1"), {})
    assert delete_resource(agentmail, resource.id) is True
    assert sim.list_leftovers() == []
    assert called_operations(sim)[-1] == "inboxes.get"


def test_a_deletion_is_complete_only_when_the_inbox_is_not_found(scripted_server: Callable[..., ScriptedServer]):
    present = httpx.Response(200, json={"inbox_id": "a@agentmail.to"})
    server = scripted_server(
        httpx.Response(202),
        present,
        httpx.Response(409, json={"code": "resource_deleting"}),
        httpx.Response(503),
        httpx.Response(404, json={"code": "not_found"}),
    )
    assert delete_resource(AgentMailProvider(make_settings(), server.transport), "a@agentmail.to") is True
    assert len(server.requests) == 5

    endless = scripted_server(httpx.Response(202), present)
    with pytest.raises(ProviderUnavailable):
        delete_resource(AgentMailProvider(make_settings(), endless.transport), "a@agentmail.to")
    assert sum(endless.sleeps) < 8


def test_an_inbox_whose_response_was_lost_is_found_by_its_client_id(agentmail: AgentMailProvider, sim: SimulatorClient):
    plan = agentmail.plan("a", "1")
    sim.inject_fault("agentmail", "inboxes.create", "lost")
    with pytest.raises(ProviderTimeout):
        agentmail.create(plan, {})
    assert called_operations(sim) == ["inboxes.create"]
    assert [inbox.env for inbox in agentmail.find(plan)] == [{"AGENTMAIL_INBOX_ID": "a@agentmail.to"}]
    assert agentmail.create(plan, {}).id == "a@agentmail.to"
    assert len(sim.list_leftovers()) == 1


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_are_retried_after_a_failure_of_any_kind(
    kind, agentmail: AgentMailProvider, sim: SimulatorClient
):
    plan = agentmail.plan("a", "1")
    resource = agentmail.create(plan, {})
    sim.inject_fault("agentmail", "inboxes.list", kind, retry_after=0)
    assert [inbox.id for inbox in agentmail.find(plan)] == [resource.id]
    sim.inject_fault("agentmail", "inboxes.delete", kind, retry_after=0)
    assert delete_resource(agentmail, resource.id) is True


def test_the_request_is_built_from_the_plan(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"inbox_id": "a@d.example"}))
    client = AgentMailProvider(make_settings(domain="d.example"), server.transport)
    resource = client.create(client.plan("a", "1"), {})
    assert json.loads(server.requests[0].content) == {
        "username": "a",
        "client_id": "a.1",
        "display_name": "a",
        "domain": "d.example",
    }
    assert resource.name == "a.1"


def test_there_is_a_provider_only_of_a_configured_tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENTMAIL_API_KEY", "am_x")
    monkeypatch.setenv("TOOLS", "none")
    try:
        assert module.get_provider() is None
        monkeypatch.setenv("TOOLS", "agentmail")
        assert module.get_provider() is module.get_provider() is not None
    finally:
        monkeypatch.undo()


def test_the_existence_of_one_inbox_can_be_read(agentmail: AgentMailProvider, sim: SimulatorClient):
    resource = agentmail.create(agentmail.plan("convos-agent-a", "op1"), {})
    assert agentmail.exists(resource.id) is True
    delete_resource(agentmail, resource.id)
    assert agentmail.exists(resource.id) is False
    sim.inject_fault("agentmail", "inboxes.get", "refuse", status=403)
    with pytest.raises(ProviderRejected):
        agentmail.exists(resource.id)
