import json
import re
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.providers import agentmail as module
from pointsman.providers.agentmail import AgentMail
from pointsman.providers.http import Wire
from pointsman.settings.agentmail import AgentMailSettings
from tests.providers.conftest import Script


def configuration(url="http://agentmail.test/v0", **changes):
    given = {"api_key": "am_us_secret", "domain": "", "url": url, "timeout": 5.0}
    return AgentMailSettings(**(given | changes))


@pytest.fixture
def agentmail(sim: SimulatorClient, quick: Wire):
    made = AgentMail(configuration(sim.bases.agentmail), quick)
    yield made
    made.client.close()


def operations(sim: SimulatorClient):
    return [call.operation for call in sim.calls()]


def test_an_inbox_from_plan_to_deletion(agentmail: AgentMail, sim: SimulatorClient):
    plan = agentmail.plan("convos-agent-a", "op1")
    assert plan == {
        "username": "convos-agent-a",
        "client_id": "convos-agent-a.op1",
        "display_name": "convos-agent-a",
    }
    made = agentmail.create(plan, {})
    assert made.id == "convos-agent-a@agentmail.to"
    assert made.env == {"AGENTMAIL_INBOX_ID": made.id}
    assert made.name == "convos-agent-a.op1"
    assert agentmail.create(plan, {}).id == made.id
    assert agentmail.adoptable
    assert [one.env for one in agentmail.find(plan)] == [made.env]
    assert agentmail.find(agentmail.plan("convos-agent-a", "op2")) == []
    assert [(one.id, one.name) for one in agentmail.list()] == [(made.id, made.name)]
    assert agentmail.delete(made.id) is True
    assert agentmail.delete(made.id) is False
    assert sim.leftovers() == []


def test_a_domain_of_our_own_is_part_of_the_plan(sim: SimulatorClient):
    sim.config({"agentmail": {"verified_domains": ["agentmail.to", "mail.example"]}})
    own = AgentMail(configuration(sim.bases.agentmail, domain="mail.example"))
    assert own.create(own.plan("a", "1"), {}).id == "a@mail.example"


@pytest.mark.parametrize("reference", ["convos-agent-ABC", "a b", "a_b", "ü", "…", "x" * 200, "a@b/c", "-a-", "\ud800"])
def test_any_reference_gives_a_name_and_a_client_id_that_are_allowed(reference):
    plan = AgentMail(configuration()).plan(reference, "op-1")
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", plan["username"])
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,256}", plan["client_id"])


def test_references_that_look_alike_get_different_names():
    agentmail = AgentMail(configuration())
    references = ["a-b", "a b", "a_b", "A-b", "a--b", "x" * 100, "x" * 101]
    assert len({agentmail.plan(one, "1")["username"] for one in references}) == len(references)
    assert len({agentmail.plan(one, "1")["client_id"] for one in references}) == len(references)


@pytest.mark.parametrize("status", [403, 409])
def test_a_name_of_somebody_else_gets_a_suffix(status, agentmail: AgentMail, sim: SimulatorClient):
    sim.config({"agentmail": {"taken_status": status, "taken_usernames": ["convos-agent-a"]}})
    plan = agentmail.plan("convos-agent-a", "op1")
    made = agentmail.create(plan, {})
    assert re.fullmatch(r"convos-agent-a-[0-9a-f]{8}@agentmail\.to", made.id)
    assert [one.id for one in agentmail.find(plan)] == [made.id]
    assert agentmail.create(plan, {}).id == made.id


def test_a_name_that_an_earlier_incarnation_still_has_gets_a_suffix(agentmail: AgentMail):
    first = agentmail.create(agentmail.plan("convos-agent-a", "op1"), {})
    second = agentmail.create(agentmail.plan("convos-agent-a", "op2"), {})
    assert first.id != second.id
    assert second.name == "convos-agent-a.op2"


def test_a_taken_name_that_turns_out_to_be_ours_is_adopted(script: Callable[..., Script]):
    plan = {"username": "a", "client_id": "a.1", "display_name": "a"}
    play = script(
        httpx.Response(403, json={"name": "IsTakenError", "message": "x"}),
        httpx.Response(200, json={"inbox_id": "a@agentmail.to", "client_id": "a.1"}),
    )
    assert AgentMail(configuration(), play.wire).create(plan, {}).id == "a@agentmail.to"
    assert [request.method for request in play.requests] == ["POST", "GET"]
    assert play.requests[1].url.raw_path == b"/v0/inboxes/a%40agentmail.to"


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
def test_refusals_are_told_apart_by_code_name_and_words(status, body, reason, script: Callable[..., Script]):
    answer = httpx.Response(status, json=body)
    with pytest.raises(ProviderRejected) as raised:
        AgentMail(configuration(), script(answer).wire).client.send("s", "POST", "/inboxes", body={})
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
def test_conflicts_may_pass(status, body, unknown, script: Callable[..., Script]):
    answer = httpx.Response(status, json=body)
    with pytest.raises(ProviderUnavailable) as raised:
        AgentMail(configuration(), script(answer).wire).client.send("s", "POST", "/inboxes", body={})
    assert raised.value.outcome_unknown is unknown


def test_a_full_plan_and_a_bad_key_are_told_apart(agentmail: AgentMail, sim: SimulatorClient):
    sim.config({"agentmail": {"inbox_limit": 1}})
    agentmail.create(agentmail.plan("a", "1"), {})
    with pytest.raises(ProviderRejected) as raised:
        agentmail.create(agentmail.plan("b", "1"), {})
    assert raised.value.reason == "limit"
    with pytest.raises(ProviderRejected) as raised:
        [*AgentMail(configuration(sim.bases.agentmail, api_key="bad-token")).list()]
    assert raised.value.reason == "unauthorized"


@pytest.mark.parametrize("empty", [False, True])
def test_all_pages_are_read_empty_ones_too(empty, agentmail: AgentMail, sim: SimulatorClient):
    sim.config({"agentmail": {"page_default": 5, "empty_page_with_token": empty}})
    made = {agentmail.create(agentmail.plan(f"agent-{number}", "1"), {}).id for number in range(12)}
    assert {one.id for one in agentmail.list()} == made
    assert len(agentmail.find(agentmail.plan("agent-0", "1"))) == 1


def test_a_listing_that_goes_round_in_circles_is_an_error(script: Callable[..., Script]):
    play = script(httpx.Response(200, json={"count": 0, "inboxes": [], "next_page_token": "t"}))
    with pytest.raises(ProviderUnavailable, match="token"):
        [*AgentMail(configuration(), play.wire).list()]


def test_an_accepted_deletion_is_watched_until_it_is_done(agentmail: AgentMail, sim: SimulatorClient):
    sim.config({"agentmail": {"delete_status": 202, "delete_seconds": 0.1}})
    made = agentmail.create(agentmail.plan("a", "1"), {})
    assert agentmail.delete(made.id) is True
    assert sim.leftovers() == []
    assert operations(sim)[-1] == "inboxes.get"


def test_a_deletion_is_believed_only_when_the_inbox_is_gone(script: Callable[..., Script]):
    there = httpx.Response(200, json={"inbox_id": "a@agentmail.to"})
    play = script(
        httpx.Response(202),
        there,
        httpx.Response(409, json={"code": "resource_deleting"}),
        httpx.Response(503),
        httpx.Response(404, json={"code": "not_found"}),
    )
    assert AgentMail(configuration(), play.wire).delete("a@agentmail.to") is True
    assert len(play.requests) == 5

    endless = script(httpx.Response(202), there)
    with pytest.raises(ProviderUnavailable):
        AgentMail(configuration(), endless.wire).delete("a@agentmail.to")
    assert sum(endless.slept) < 8


def test_a_lost_answer_is_found_by_its_client_id(agentmail: AgentMail, sim: SimulatorClient):
    plan = agentmail.plan("a", "1")
    sim.fault("agentmail", "inboxes.create", "lost")
    with pytest.raises(ProviderTimeout):
        agentmail.create(plan, {})
    assert operations(sim) == ["inboxes.create"]
    assert [one.env for one in agentmail.find(plan)] == [{"AGENTMAIL_INBOX_ID": "a@agentmail.to"}]
    assert agentmail.create(plan, {}).id == "a@agentmail.to"
    assert len(sim.leftovers()) == 1


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_get_over_one_failure_of_any_kind(kind, agentmail: AgentMail, sim: SimulatorClient):
    plan = agentmail.plan("a", "1")
    made = agentmail.create(plan, {})
    sim.fault("agentmail", "inboxes.list", kind, retry_after=0)
    assert [one.id for one in agentmail.find(plan)] == [made.id]
    sim.fault("agentmail", "inboxes.delete", kind, retry_after=0)
    assert agentmail.delete(made.id) is True


def test_what_is_sent_is_what_was_planned(script: Callable[..., Script]):
    play = script(httpx.Response(200, json={"inbox_id": "a@d.example"}))
    agentmail = AgentMail(configuration(domain="d.example"), play.wire)
    made = agentmail.create(agentmail.plan("a", "1"), {})
    assert json.loads(play.requests[0].content) == {
        "username": "a",
        "client_id": "a.1",
        "display_name": "a",
        "domain": "d.example",
    }
    assert made.name == "a.1"


def test_configured_only_with_a_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AGENTMAIL_API_KEY", raising=False)
    try:
        assert module.configured() is None
        monkeypatch.setenv("AGENTMAIL_API_KEY", "am_x")
        assert module.configured() is module.configured() is not None
    finally:
        monkeypatch.undo()


def test_one_inbox_can_be_asked_for_alone(agentmail: AgentMail, sim: SimulatorClient):
    made = agentmail.create(agentmail.plan("convos-agent-a", "op1"), {})
    assert agentmail.exists(made.id) is True
    agentmail.delete(made.id)
    assert agentmail.exists(made.id) is False
    sim.fault("agentmail", "inboxes.get", "refuse", status=403)
    with pytest.raises(ProviderRejected):
        agentmail.exists(made.id)
