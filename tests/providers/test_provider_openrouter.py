import json
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.providers import openrouter as module
from pointsman.providers.http import Wire
from pointsman.providers.openrouter import OpenRouter
from pointsman.settings.openrouter import OpenRouterSettings
from tests.providers.conftest import Script


def configuration(url="http://openrouter.test/api/v1", **changes):
    given = {"management_key": "sk-or-v1-manage", "limit": 20.0, "limit_reset": "monthly", "url": url, "timeout": 5.0}
    return OpenRouterSettings(**(given | changes))


@pytest.fixture
def openrouter(sim: SimulatorClient, quick: Wire):
    made = OpenRouter(configuration(sim.bases.openrouter), quick)
    yield made
    made.client.close()


def test_a_key_from_plan_to_deletion(openrouter: OpenRouter, sim: SimulatorClient):
    plan = openrouter.plan("convos-agent-a", "op1")
    assert plan == {"name": "convos-agent-a"}
    made = openrouter.create(plan, {})
    assert made.env["OPENROUTER_API_KEY"].startswith("sk-or-")
    assert made.env["OPENROUTER_API_KEY"] not in repr(made)
    assert made.name == "convos-agent-a"
    assert (float(made.meta["limit"]), made.meta["limit_reset"]) == (20, "monthly")
    assert [one.id for one in openrouter.find(plan)] == [made.id]
    assert [(one.id, one.name, one.env) for one in openrouter.list()] == [(made.id, made.name, {})]
    assert openrouter.delete(made.id) is True
    assert openrouter.delete(made.id) is False
    assert sim.leftovers() == []


def test_the_cap_can_be_given_and_must_be_a_number(openrouter: OpenRouter):
    made = openrouter.create({"name": "a"}, {"limit": 2.5})
    assert float(made.meta["limit"]) == 2.5
    for limit in ("5", -1, float("nan"), float("inf"), True, [1]):
        with pytest.raises(InvalidInput):
            openrouter.create({"name": "a"}, {"limit": limit})


def test_no_reset_is_sent_as_null(script: Callable[..., Script]):
    play = script(httpx.Response(201, json={"key": "sk-or-v1-x", "data": {"hash": "h"}}))
    OpenRouter(configuration(limit_reset=None), play.wire).create({"name": "a"}, {"limit": None})
    assert json.loads(play.requests[0].content) == {"name": "a", "limit": 20.0, "limit_reset": None}


def test_every_key_of_a_name_is_found_over_all_pages_disabled_ones_too(openrouter: OpenRouter, sim: SimulatorClient):
    sim.config({"openrouter": {"page_size": 10}})
    keys = [openrouter.create({"name": "twice"}, {}).id]
    for number in range(23):
        openrouter.create({"name": f"other-{number}"}, {})
    keys.append(openrouter.create({"name": "twice"}, {}).id)
    httpx.patch(
        f"{sim.bases.openrouter}/keys/{keys[0]}",
        json={"disabled": True},
        headers={"Authorization": "Bearer sk-or-v1-manage"},
        trust_env=False,
    ).raise_for_status()
    assert {one.id for one in openrouter.find({"name": "twice"})} == set(keys)
    assert len({one.id for one in openrouter.list()}) == 25
    assert openrouter.find({"name": "twic"}) == []


class Account:
    """A listing, newest first, from which keys go and to which keys come between two pages."""

    def __init__(self, count, page=100):
        self.keys = [{"hash": f"h{number}", "name": "n"} for number in range(count)]
        self.page, self.between, self.asked = page, [], []

    def __call__(self, request: httpx.Request):
        offset = int(request.url.params["offset"])
        self.asked.append(dict(request.url.params))
        rows = self.keys[offset : offset + self.page]
        if self.between:
            self.between.pop(0)()
        return httpx.Response(200, json={"data": rows})


def over(account: Account):
    from pointsman.providers.http import Wire

    return OpenRouter(configuration(), Wire(transport=httpx.MockTransport(account)))


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("page", [100, 7])
def test_a_listing_is_read_to_its_end_whatever_the_size_of_its_pages(count, page):
    account = Account(count, page)
    assert [one.id for one in over(account).list()] == [f"h{number}" for number in range(count)]
    assert all(asked["include_disabled"] == asked["include_expired"] == "true" for asked in account.asked)


def test_keys_that_go_while_listing_make_no_other_key_be_passed_over():
    account = Account(250)
    account.between = [lambda: account.keys.__delitem__(slice(0, 5))]
    assert {f"h{number}" for number in range(5, 250)} <= {one.id for one in over(account).list()}


def test_keys_that_come_while_listing_are_given_once():
    account = Account(250)
    account.between = [lambda: account.keys.insert(0, {"hash": "new", "name": "n"})]
    found = [one.id for one in over(account).list()]
    assert sorted(found) == sorted(["new", *(f"h{number}" for number in range(250))])


def test_deleting_while_going_through_the_list_reaches_every_key(openrouter: OpenRouter, sim: SimulatorClient):
    sim.config({"openrouter": {"page_size": 10}})
    for _ in range(25):
        openrouter.create({"name": "a"}, {})
    for key in openrouter.list():
        openrouter.delete(key.id)
    assert sim.leftovers() == []


def test_a_version_that_does_not_know_expired_keys_is_asked_without(script: Callable[..., Script]):
    play = script(
        httpx.Response(400, json={"error": {"code": 400, "message": "Unrecognized key: include_expired"}}),
        httpx.Response(200, json={"data": []}),
    )
    assert [*OpenRouter(configuration(), play.wire).list()] == []
    assert "include_expired" not in str(play.requests[1].url)


def test_a_lost_answer_leaves_a_key_that_is_found_and_deleted(openrouter: OpenRouter, sim: SimulatorClient):
    sim.fault("openrouter", "keys.create", "lost")
    with pytest.raises(ProviderTimeout):
        openrouter.create({"name": "a"}, {})
    assert [call.operation for call in sim.calls()] == ["keys.create"]
    (left,) = openrouter.find({"name": "a"})
    assert left.env == {}
    assert openrouter.adoptable is False
    assert openrouter.delete(left.id) is True


def test_credits_are_read(openrouter: OpenRouter):
    said = openrouter.credits()
    assert (said.total, said.used) == (100.5, 25.75)


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_get_over_one_failure_of_any_kind(kind, openrouter: OpenRouter, sim: SimulatorClient):
    made = openrouter.create({"name": "a"}, {})
    sim.fault("openrouter", "keys.list", kind, retry_after=0)
    assert [one.id for one in openrouter.find({"name": "a"})] == [made.id]
    sim.fault("openrouter", "keys.delete", kind, retry_after=0)
    assert openrouter.delete(made.id) is True


@pytest.mark.parametrize(
    ("kind", "unknown", "left"),
    [
        ("server_error", True, 0),
        ("server_error_done", True, 1),
        ("garbage", True, 1),
        ("html", True, 0),
        ("rate_limit_text", False, 0),
    ],
)
def test_creates_say_whether_something_may_have_been_done(
    kind, unknown, left, openrouter: OpenRouter, sim: SimulatorClient
):
    sim.fault("openrouter", "keys.create", kind, times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        openrouter.create({"name": "a"}, {})
    assert raised.value.outcome_unknown is unknown
    assert len(sim.leftovers()) == left


def test_a_bad_key_and_an_empty_account_are_told_apart(sim: SimulatorClient, script: Callable[..., Script]):
    with pytest.raises(ProviderRejected) as raised:
        OpenRouter(configuration(sim.bases.openrouter, management_key="bad-token")).create({"name": "a"}, {})
    assert raised.value.reason == "unauthorized"
    answer = httpx.Response(402, json={"error": {"code": 402, "message": "Insufficient credits"}})
    with pytest.raises(ProviderRejected) as raised:
        OpenRouter(configuration(), script(answer).wire).create({"name": "a"}, {})
    assert raised.value.reason == "limit"


def test_a_wrong_address_never_reads_as_gone(sim: SimulatorClient):
    lost = OpenRouter(configuration(f"{sim.origin}/nowhere"))
    with pytest.raises((ProviderRejected, ProviderUnavailable)):
        [*lost.list()]


def test_an_answer_without_the_secret_is_no_success(script: Callable[..., Script]):
    for body in ({}, {"key": "sk"}, {"data": {"hash": "h"}}, [], {"key": 1, "data": {"hash": "h"}}):
        with pytest.raises(ProviderUnavailable) as raised:
            OpenRouter(configuration(), script(httpx.Response(201, json=body)).wire).create({"name": "a"}, {})
        assert raised.value.outcome_unknown


def test_configured_only_with_a_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENROUTER_MANAGEMENT_KEY", raising=False)
    try:
        assert module.configured() is None
        monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "sk-or-v1-x")
        assert module.configured() is module.configured() is not None
    finally:
        monkeypatch.undo()


def test_one_key_can_be_asked_for_alone(openrouter: OpenRouter, sim: SimulatorClient):
    made = openrouter.create({"name": "a"}, {})
    assert openrouter.exists(made.id) is True
    openrouter.delete(made.id)
    assert openrouter.exists(made.id) is False
    sim.fault("openrouter", "keys.get", "refuse", status=401)
    with pytest.raises(ProviderRejected):
        openrouter.exists(made.id)
