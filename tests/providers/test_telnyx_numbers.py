"""Telnyx: the numbers of the account, listed, looked up and deleted."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.providers.base import delete_resource
from pointsman.providers.telnyx import provider
from pointsman.providers.telnyx.provider import TelnyxProvider
from tests.harness.wait import wait_until
from tests.providers.conftest import ScriptedServer
from tests.providers.telnyx_harness import EMPTY_PAGE, NUMBER, make_telnyx_settings


def test_deleting_an_ordered_number_waits_until_it_is_listed(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"number_lag_s": 0.2, "order_seconds": 0.2}})
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert delete_resource(telnyx, plan["phone_number"]) is True
    assert [leftover for leftover in sim.list_leftovers() if leftover.kind == "number"] == []


def test_a_number_that_another_process_buys_again_is_deleted_although_this_one_deleted_it_before(
    telnyx: TelnyxProvider, sim: SimulatorClient
):
    sim.update_config({"telnyx": {"number_lag_s": 0.3, "order_seconds": 0}})
    plan = telnyx.plan("convos-agent-a", "1")
    telnyx.create(plan, {})
    assert delete_resource(telnyx, plan["phone_number"]) is True
    buyer = TelnyxProvider(make_telnyx_settings(sim.base_urls.telnyx))
    buyer.create(plan, {})
    assert telnyx.find(plan) != []
    assert delete_resource(telnyx, plan["phone_number"]) is True
    assert [leftover for leftover in sim.list_leftovers() if leftover.kind == "number"] == []


def test_a_number_that_is_ordered_and_not_listed_yet_does_not_count_as_missing(
    telnyx: TelnyxProvider, sim: SimulatorClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(provider, "LISTING_POLL_DELAYS", (0.1,))
    sim.update_config({"telnyx": {"number_lag_s": 1.0, "order_seconds": 0}})
    plan = telnyx.plan("convos-agent-a", "1")
    telnyx.create(plan, {})
    with pytest.raises(ProviderUnavailable, match="not listed yet"):
        delete_resource(telnyx, plan["phone_number"])
    wait_until(lambda: telnyx.exists(plan["phone_number"]))
    assert delete_resource(telnyx, plan["phone_number"]) is True


def test_a_locked_number_is_not_deleted(telnyx: TelnyxProvider, sim: SimulatorClient):
    (number,) = sim.seed_numbers(1)
    sim.set_number_lock(number["id"])
    with pytest.raises(ProviderRejected, match="lock") as raised:
        delete_resource(telnyx, number["phone_number"])
    assert raised.value.reason == "not_ready"
    sim.set_number_lock(number["id"], locked=False)
    assert delete_resource(telnyx, number["phone_number"]) is True


def test_numbers_are_looked_up_by_digits_only(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json=EMPTY_PAGE))
    assert delete_resource(TelnyxProvider(make_telnyx_settings(), server.transport), NUMBER) is False
    assert server.requests[0].url.params["filter[phone_number]"] == "19705555098"


@pytest.mark.parametrize("value", ["", "+", "1293384261075731499", "abc"])
def test_an_id_that_is_not_a_number_is_invalid(value):
    with pytest.raises(InvalidInput):
        delete_resource(TelnyxProvider(make_telnyx_settings()), value)


@pytest.mark.parametrize("cap", [250, 30])
def test_thousands_of_numbers_are_listed_on_all_pages(cap, telnyx: TelnyxProvider, sim: SimulatorClient):
    count = 1100 if cap == 250 else 70
    sim.update_config({"telnyx": {"page_max": cap}})
    seeded = sim.seed_numbers(count, customer_reference="convos-agent-x")
    found = [*telnyx.list()]
    assert {resource.id for resource in found} == {row["phone_number"] for row in seeded}
    assert len(found) == count
    assert {resource.name for resource in found} == {"convos-agent-x"}


def test_a_rejected_page_size_is_omitted(scripted_server: Callable[..., ScriptedServer]):
    row = {"id": "1", "phone_number": NUMBER, "customer_reference": "r", "status": "active"}
    server = scripted_server(
        httpx.Response(422, json={"errors": [{"code": "10015", "title": "Bad request"}]}),
        httpx.Response(200, json={"data": [row], "metadata": {"total_pages": 1}}),
    )
    assert [resource.id for resource in TelnyxProvider(make_telnyx_settings(), server.transport).list()] == [NUMBER]
    assert "page[size]" not in server.requests[1].url.params


def test_without_a_total_a_page_without_new_rows_is_the_end(scripted_server: Callable[..., ScriptedServer]):
    rows = [{"id": "1", "phone_number": NUMBER, "customer_reference": "r", "status": "active"}]
    gone = [{"id": "2", "phone_number": "+1212", "customer_reference": "r", "status": "deleted"}]
    server = scripted_server(
        httpx.Response(200, json={"data": rows}),
        httpx.Response(200, json={"data": gone}),
        httpx.Response(200, json={"data": rows}),
    )
    assert [resource.id for resource in TelnyxProvider(make_telnyx_settings(), server.transport).list()] == [NUMBER]
    assert len(server.requests) == 3


def test_the_existence_of_one_number_can_be_read_and_its_meta_has_the_purchase_time(
    telnyx: TelnyxProvider, sim: SimulatorClient
):
    (seeded,) = sim.seed_numbers(1, "convos-agent-a")
    assert telnyx.exists(seeded["phone_number"]) is True
    (listed,) = telnyx.list()
    assert abs(datetime.fromisoformat(listed.meta["created_at"]).timestamp() - datetime.now(UTC).timestamp()) < 60
    delete_resource(telnyx, seeded["phone_number"])
    assert telnyx.exists(seeded["phone_number"]) is False
