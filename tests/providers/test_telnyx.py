"""Telnyx: planning, buying and finding a number."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.providers.base import Deletion, delete_resource
from pointsman.providers.telnyx import provider as module
from pointsman.providers.telnyx.provider import TelnyxProvider
from tests.harness.wait import wait_until
from tests.providers.conftest import ScriptedServer, called_operations
from tests.providers.telnyx_harness import EMPTY_PAGE, NUMBER, PLAN, make_telnyx_settings


def request_bodies(sim: SimulatorClient, operation):
    return [call.body for call in sim.list_calls() if call.operation == operation]


def test_a_number_from_plan_to_deletion(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "op1")
    assert re.fullmatch(r"\+1\d{10}", plan["phone_number"])
    assert plan["customer_reference"] == "convos-agent-a"
    resource = telnyx.create(plan, {})
    assert resource.id == plan["phone_number"]
    assert resource.env == {
        "TELNYX_PHONE_NUMBER": plan["phone_number"],
        "TELNYX_MESSAGING_PROFILE_ID": plan["messaging_profile_id"],
    }
    assert {"order_id", "messaging_profile_id"} == set(resource.meta)
    assert telnyx.adoptable
    assert [found.env for found in telnyx.find(plan)] == [resource.env]
    assert [(listed.id, listed.name) for listed in telnyx.list()] == [(resource.id, "convos-agent-a")]
    assert delete_resource(telnyx, resource.id) is True
    assert delete_resource(telnyx, resource.id) is False
    assert telnyx.find(plan) == []
    assert [leftover for leftover in sim.list_leftovers() if leftover.kind != "messaging_profile"] == []


def test_the_profile_is_created_once_and_found_by_its_exact_name(telnyx: TelnyxProvider, sim: SimulatorClient):
    headers = {"Authorization": "Bearer KEY0123456789"}
    for name in ("convos-agent-old", "other"):
        httpx.post(
            f"{sim.base_urls.telnyx}/messaging_profiles",
            json={"name": name, "whitelisted_destinations": ["US"]},
            headers=headers,
            trust_env=False,
        ).raise_for_status()
    first = telnyx.plan("a", "1")
    second = telnyx.plan("b", "1")
    third = TelnyxProvider(make_telnyx_settings(sim.base_urls.telnyx)).plan("c", "1")
    assert first["messaging_profile_id"] == second["messaging_profile_id"] == third["messaging_profile_id"]
    assert called_operations(sim).count("profiles.create") == 3
    assert request_bodies(sim, "profiles.create")[-1] == {"name": "convos-agent", "whitelisted_destinations": ["US"]}


def test_a_profile_of_the_settings_is_used_as_it_is(sim: SimulatorClient):
    provider = TelnyxProvider(make_telnyx_settings(sim.base_urls.telnyx, messaging_profile_id="profile-1"))
    assert provider.plan("a", "1")["messaging_profile_id"] == "profile-1"
    assert called_operations(sim) == ["numbers.search"]


def test_an_order_whose_response_was_lost_is_adopted_not_repeated(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert called_operations(sim).count("orders.create") == 1
    (found,) = telnyx.find(plan)
    assert found.env["TELNYX_PHONE_NUMBER"] == plan["phone_number"]
    assert len([leftover for leftover in sim.list_leftovers() if leftover.kind == "number"]) == 1


def test_the_same_order_after_a_lost_response_gives_the_same_number(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert telnyx.create(plan, {}).id == plan["phone_number"]
    assert len([leftover for leftover in sim.list_leftovers() if leftover.kind == "number"]) == 1


@pytest.mark.parametrize("code", ["85001", "10012"])
def test_a_number_that_another_instance_bought_is_taken(code, telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"already_ours_code": code, "copy_customer_reference": False}})
    plan = telnyx.plan("convos-agent-a", "1")
    telnyx.create(plan, {})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan | {"customer_reference": "convos-agent-b"}, {})
    assert raised.value.reason == "taken"
    assert telnyx.find(plan | {"customer_reference": "convos-agent-b"}) == []


def test_a_number_without_a_reference_is_not_adopted_for_its_profile(
    scripted_server: Callable[..., ScriptedServer],
):
    bare = {"id": "1", "phone_number": NUMBER, "status": "active", "messaging_profile_id": "p1"}
    server = scripted_server(
        httpx.Response(200, json={"data": [bare], "meta": {"total_pages": 1}}), httpx.Response(200, json=EMPTY_PAGE)
    )
    assert TelnyxProvider(make_telnyx_settings(), server.transport).find(PLAN) == []


def test_a_number_of_another_customer_is_taken(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.update_config({"telnyx": {"taken_numbers": [plan["phone_number"]]}})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan, {})
    assert raised.value.reason == "taken"


def test_a_number_that_was_never_for_sale_is_taken(telnyx: TelnyxProvider):
    profile = telnyx.plan("a", "1")["messaging_profile_id"]
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(PLAN | {"phone_number": "+12125550000", "messaging_profile_id": profile}, {})
    assert raised.value.reason == "taken"


def test_an_order_that_fails_bought_nothing(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.update_config({"telnyx": {"order_end": "failure"}})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan, {})
    assert raised.value.reason == "taken"
    assert telnyx.find(plan) == []


def test_a_missing_reference_is_set(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"copy_customer_reference": False}})
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    wait_until(lambda: telnyx.complete(resource.id, plan))
    assert request_bodies(sim, "numbers.update") == [{"customer_reference": "convos-agent-a"}]
    assert [(listed.id, listed.name) for listed in telnyx.list()] == [(resource.id, "convos-agent-a")]


def test_a_number_whose_reference_cannot_be_set_gets_that_of_its_order(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"copy_customer_reference": False}})
    sim.inject_fault("telnyx", "numbers.update", "refuse", times=None)
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    wait_until(lambda: telnyx.exists(resource.id))
    with pytest.raises(ProviderRejected):
        telnyx.complete(resource.id, plan)
    assert [(listed.id, listed.name) for listed in telnyx.list()] == [(resource.id, "convos-agent-a")]
    assert [found.id for found in telnyx.find(plan)] == [resource.id]


def test_the_order_proves_the_purchase_and_the_number_is_completed_once_it_is_listed(
    telnyx: TelnyxProvider, sim: SimulatorClient
):
    sim.update_config({"telnyx": {"order_seconds": 0.05, "number_lag_s": 0.3}})
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    assert telnyx.complete(resource.id, plan) == {}
    wait_until(lambda: telnyx.exists(resource.id))
    assert set(telnyx.complete(resource.id, plan)) == {"number_id", "messaging_profile_id", "status", "created_at"}


def test_a_number_whose_id_is_known_is_not_looked_up_before_its_deletion(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    wait_until(lambda: telnyx.exists(resource.id))
    meta = telnyx.complete(resource.id, plan)
    count = len(sim.list_calls())
    assert telnyx.start_deletion(resource.id, meta) == Deletion(existed=True, is_confirmed=False)
    assert [call.operation for call in sim.list_calls()[count:]] == ["numbers.delete"]
    telnyx.confirm_deletion(resource.id)
    assert telnyx.start_deletion(resource.id, meta) == Deletion(existed=False, is_confirmed=True)


def test_a_number_with_a_wrong_id_is_looked_up(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    assert delete_resource(telnyx, resource.id, {"number_id": "1"}) is True
    assert [leftover for leftover in sim.list_leftovers() if leftover.kind != "messaging_profile"] == []


def test_an_order_that_stays_pending_is_a_timeout(scripted_server: Callable[..., ScriptedServer]):
    order = {"id": "o1", "status": "pending", "phone_numbers": [{"phone_number": NUMBER, "status": "pending"}]}
    server = scripted_server(httpx.Response(200, json={"data": order}))
    with pytest.raises(ProviderTimeout):
        TelnyxProvider(make_telnyx_settings(), server.transport).create(PLAN, {})
    assert 9 <= sum(server.sleeps) <= 11
    assert [request.method for request in server.requests] == ["POST"] + ["GET"] * 9


def order_response(age):
    created = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    numbers = [{"phone_number": NUMBER, "status": "success"}]
    order = {
        "id": "o1",
        "status": "success",
        "customer_reference": "convos-agent-a",
        "created_at": created,
        "phone_numbers": numbers,
    }
    return httpx.Response(200, json={"data": [order], "meta": {"total_pages": 1}})


def test_an_order_proves_ownership_of_an_unlisted_number_only_while_it_is_young(
    scripted_server: Callable[..., ScriptedServer],
):
    empty = httpx.Response(200, json=EMPTY_PAGE)
    young = scripted_server(empty, order_response(1), empty)
    assert [found.id for found in TelnyxProvider(make_telnyx_settings(), young.transport).find(PLAN)] == [NUMBER]
    old = scripted_server(empty, order_response(600), empty)
    assert TelnyxProvider(make_telnyx_settings(), old.transport).find(PLAN) == []
    assert old.sleeps == []


def test_the_request_is_built_from_the_plan(scripted_server: Callable[..., ScriptedServer]):
    order = {"id": "o1", "status": "success", "phone_numbers": [{"phone_number": NUMBER, "status": "success"}]}
    server = scripted_server(httpx.Response(200, json={"data": order}))
    resource = TelnyxProvider(make_telnyx_settings(), server.transport).create(PLAN, {})
    assert json.loads(server.requests[0].content) == {
        "phone_numbers": [{"phone_number": NUMBER}],
        "messaging_profile_id": "p1",
        "customer_reference": "convos-agent-a",
    }
    assert resource.meta == {"order_id": "o1", "messaging_profile_id": "p1"}


def test_no_number_for_sale_is_unavailable(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"data": []}))
    with pytest.raises(ProviderUnavailable) as raised:
        TelnyxProvider(make_telnyx_settings(messaging_profile_id="p"), server.transport).plan("a", "1")
    assert not raised.value.outcome_unknown


def test_there_is_a_provider_only_of_a_configured_tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TELNYX_API_KEY", "KEY1")
    monkeypatch.setenv("TOOLS", "none")
    try:
        assert module.get_provider() is None
        monkeypatch.setenv("TOOLS", "telnyx")
        assert module.get_provider() is module.get_provider() is not None
    finally:
        monkeypatch.undo()
