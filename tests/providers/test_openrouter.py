"""OpenRouter: keys, their listing while it changes, and credits."""

import json
from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.providers import openrouter as module
from pointsman.providers.base import delete_resource
from pointsman.providers.openrouter import OpenRouterProvider
from pointsman.settings.providers import OpenRouterSettings
from tests.harness.http_responses import mock_transport
from tests.providers.conftest import ScriptedServer


def make_settings(url="http://openrouter.test/api/v1", **changes):
    values = {"management_key": "sk-or-v1-manage", "limit": 20.0, "limit_reset": "monthly", "url": url, "timeout": 5.0}
    return OpenRouterSettings(**(values | changes))


@pytest.fixture
def openrouter(sim: SimulatorClient, fast_transport: Transport):
    provider = OpenRouterProvider(make_settings(sim.base_urls.openrouter), fast_transport)
    yield provider
    provider.http_client.close()


def test_a_key_from_plan_to_deletion(openrouter: OpenRouterProvider, sim: SimulatorClient):
    plan = openrouter.plan("convos-agent-a", "op1")
    assert plan == {"name": "convos-agent-a"}
    resource = openrouter.create(plan, {})
    assert resource.env["OPENROUTER_API_KEY"].startswith("sk-or-")
    assert resource.env["OPENROUTER_API_KEY"] not in repr(resource)
    assert resource.name == "convos-agent-a"
    assert (float(resource.meta["limit"]), resource.meta["limit_reset"]) == (20, "monthly")
    assert [key.id for key in openrouter.find(plan)] == [resource.id]
    assert [(key.id, key.name, key.env) for key in openrouter.list()] == [(resource.id, resource.name, {})]
    assert delete_resource(openrouter, resource.id) is True
    assert delete_resource(openrouter, resource.id) is False
    assert sim.list_leftovers() == []


def test_the_limit_is_an_option_and_must_be_a_number(openrouter: OpenRouterProvider):
    resource = openrouter.create({"name": "a"}, {"limit": 2.5})
    assert float(resource.meta["limit"]) == 2.5
    for limit in ("5", -1, float("nan"), float("inf"), True, [1]):
        with pytest.raises(InvalidInput):
            openrouter.create({"name": "a"}, {"limit": limit})


def test_no_reset_is_sent_as_null(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(201, json={"key": "sk-or-v1-x", "data": {"hash": "h"}}))
    OpenRouterProvider(make_settings(limit_reset=None), server.transport).create({"name": "a"}, {"limit": None})
    assert json.loads(server.requests[0].content) == {"name": "a", "limit": 20.0, "limit_reset": None}


def test_every_key_of_a_name_is_found_on_all_pages_also_disabled_ones(
    openrouter: OpenRouterProvider, sim: SimulatorClient
):
    sim.update_config({"openrouter": {"page_size": 10}})
    keys = [openrouter.create({"name": "twice"}, {}).id]
    for number in range(23):
        openrouter.create({"name": f"other-{number}"}, {})
    keys.append(openrouter.create({"name": "twice"}, {}).id)
    httpx.patch(
        f"{sim.base_urls.openrouter}/keys/{keys[0]}",
        json={"disabled": True},
        headers={"Authorization": "Bearer sk-or-v1-manage"},
        trust_env=False,
    ).raise_for_status()
    assert {key.id for key in openrouter.find({"name": "twice"})} == set(keys)
    assert len({key.id for key in openrouter.list()}) == 25
    assert openrouter.find({"name": "twic"}) == []


class ChangingKeyList:
    """A key listing, newest first, that changes between two pages."""

    def __init__(self, count, page=100):
        self.keys = [{"hash": f"h{number}", "name": "n"} for number in range(count)]
        self.page, self.changes_between_pages, self.queries = page, [], []

    def __call__(self, request: httpx.Request):
        offset = int(request.url.params["offset"])
        self.queries.append(dict(request.url.params))
        rows = self.keys[offset : offset + self.page]
        if self.changes_between_pages:
            self.changes_between_pages.pop(0)()
        return httpx.Response(200, json={"data": rows})


def make_client(account: ChangingKeyList):
    from pointsman.http_transport import Transport

    return OpenRouterProvider(make_settings(), Transport(http_transport=mock_transport(account)))


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 200, 250])
@pytest.mark.parametrize("page", [100, 7])
def test_a_listing_is_read_to_its_end_with_any_page_size(count, page):
    account = ChangingKeyList(count, page)
    assert [key.id for key in make_client(account).list()] == [f"h{number}" for number in range(count)]
    assert all(query["include_disabled"] == query["include_expired"] == "true" for query in account.queries)


def test_keys_deleted_while_listing_make_no_other_key_be_skipped():
    account = ChangingKeyList(250)
    account.changes_between_pages = [lambda: account.keys.__delitem__(slice(0, 5))]
    assert {f"h{number}" for number in range(5, 250)} <= {key.id for key in make_client(account).list()}


def test_keys_added_while_listing_are_yielded_once():
    account = ChangingKeyList(250)
    account.changes_between_pages = [lambda: account.keys.insert(0, {"hash": "new", "name": "n"})]
    found = [key.id for key in make_client(account).list()]
    assert sorted(found) == sorted(["new", *(f"h{number}" for number in range(250))])


def test_deleting_while_iterating_reaches_every_key(openrouter: OpenRouterProvider, sim: SimulatorClient):
    sim.update_config({"openrouter": {"page_size": 10}})
    for _ in range(25):
        openrouter.create({"name": "a"}, {})
    for key in openrouter.list():
        delete_resource(openrouter, key.id)
    assert sim.list_leftovers() == []


def test_include_expired_is_omitted_after_the_api_has_rejected_it(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(
        httpx.Response(400, json={"error": {"code": 400, "message": "Unrecognized key: include_expired"}}),
        httpx.Response(200, json={"data": []}),
    )
    assert [*OpenRouterProvider(make_settings(), server.transport).list()] == []
    assert "include_expired" not in str(server.requests[1].url)


def test_a_key_whose_response_was_lost_is_found_and_deleted(openrouter: OpenRouterProvider, sim: SimulatorClient):
    sim.inject_fault("openrouter", "keys.create", "lost")
    with pytest.raises(ProviderTimeout):
        openrouter.create({"name": "a"}, {})
    assert [call.operation for call in sim.list_calls()] == ["keys.create"]
    (orphan,) = openrouter.find({"name": "a"})
    assert orphan.env == {}
    assert openrouter.adoptable is False
    assert delete_resource(openrouter, orphan.id) is True


def test_credits_are_read(openrouter: OpenRouterProvider):
    balance = openrouter.get_credits()
    assert (balance.total, balance.used) == (100.5, 25.75)


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_are_retried_after_a_failure_of_any_kind(
    kind, openrouter: OpenRouterProvider, sim: SimulatorClient
):
    resource = openrouter.create({"name": "a"}, {})
    sim.inject_fault("openrouter", "keys.list", kind, retry_after=0)
    assert [key.id for key in openrouter.find({"name": "a"})] == [resource.id]
    sim.inject_fault("openrouter", "keys.delete", kind, retry_after=0)
    assert delete_resource(openrouter, resource.id) is True


@pytest.mark.parametrize(
    ("kind", "unknown", "leftovers"),
    [
        ("server_error", True, 0),
        ("server_error_done", True, 1),
        ("garbage", True, 1),
        ("html", True, 0),
        ("rate_limit_text", False, 0),
    ],
)
def test_failed_creates_know_whether_the_outcome_is_unknown(
    kind, unknown, leftovers, openrouter: OpenRouterProvider, sim: SimulatorClient
):
    sim.inject_fault("openrouter", "keys.create", kind, times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        openrouter.create({"name": "a"}, {})
    assert raised.value.outcome_unknown is unknown
    assert len(sim.list_leftovers()) == leftovers


def test_a_bad_key_and_an_empty_account_have_different_reasons(
    sim: SimulatorClient, scripted_server: Callable[..., ScriptedServer]
):
    with pytest.raises(ProviderRejected) as raised:
        OpenRouterProvider(make_settings(sim.base_urls.openrouter, management_key="bad-token")).create(
            {"name": "a"}, {}
        )
    assert raised.value.reason == "unauthorized"
    response = httpx.Response(402, json={"error": {"code": 402, "message": "Insufficient credits"}})
    with pytest.raises(ProviderRejected) as raised:
        OpenRouterProvider(make_settings(), scripted_server(response).transport).create({"name": "a"}, {})
    assert raised.value.reason == "limit"


def test_a_wrong_url_is_not_an_empty_listing(sim: SimulatorClient):
    misdirected = OpenRouterProvider(make_settings(f"{sim.origin}/nowhere"))
    with pytest.raises((ProviderRejected, ProviderUnavailable)):
        [*misdirected.list()]


def test_a_response_without_the_secret_is_an_error(scripted_server: Callable[..., ScriptedServer]):
    for body in ({}, {"key": "sk"}, {"data": {"hash": "h"}}, [], {"key": 1, "data": {"hash": "h"}}):
        with pytest.raises(ProviderUnavailable) as raised:
            OpenRouterProvider(make_settings(), scripted_server(httpx.Response(201, json=body)).transport).create(
                {"name": "a"}, {}
            )
        assert raised.value.outcome_unknown


def test_there_is_a_provider_only_of_a_configured_tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "sk-or-v1-x")
    monkeypatch.setenv("TOOLS", "none")
    try:
        assert module.get_provider() is None
        monkeypatch.setenv("TOOLS", "openrouter")
        assert module.get_provider() is module.get_provider() is not None
    finally:
        monkeypatch.undo()


def test_the_existence_of_one_key_can_be_read(openrouter: OpenRouterProvider, sim: SimulatorClient):
    resource = openrouter.create({"name": "a"}, {})
    assert openrouter.exists(resource.id) is True
    delete_resource(openrouter, resource.id)
    assert openrouter.exists(resource.id) is False
    sim.inject_fault("openrouter", "keys.get", "refuse", status=401)
    with pytest.raises(ProviderRejected):
        openrouter.exists(resource.id)
