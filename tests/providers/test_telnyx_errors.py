"""Telnyx: its error codes, and what is known after a failed call."""

from collections.abc import Callable

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import ProviderRejected, ProviderUnavailable
from pointsman.providers.base import delete_resource
from pointsman.providers.telnyx.provider import TelnyxProvider
from tests.providers.conftest import ScriptedServer
from tests.providers.telnyx_harness import make_telnyx_settings


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, "10009", "unauthorized"),
        (403, "10010", "unauthorized"),
        (404, "10005", "not_found"),
        (422, "10027", "invalid"),
        (400, "85000", "taken"),
        (422, "85001", "taken"),
        (409, "85006", "taken"),
        (422, "85005", "invalid"),
        (409, "85005", "invalid"),
        (403, "20100", "limit"),
        (402, "20100", "limit"),
        (422, "85007", "limit"),
        (403, "10038", "limit"),
        (409, "99999", "taken"),
        (422, "99999", "invalid"),
    ],
)
def test_codes_outweigh_statuses(status, code, reason, scripted_server: Callable[..., ScriptedServer]):
    response = httpx.Response(status, json={"errors": [{"code": code, "title": "t", "detail": "d"}]})
    with pytest.raises(ProviderRejected) as raised:
        TelnyxProvider(make_telnyx_settings(), scripted_server(response).transport).http_client.send(
            "s", "POST", "/number_orders", body={}
        )
    assert raised.value.reason == reason
    assert code in str(raised.value)


def test_throttles_and_unknown_outcomes_are_distinguished(scripted_server: Callable[..., ScriptedServer]):
    for status, code, unknown in ((429, "10011", False), (422, "10036", True), (503, "10037", True)):
        response = httpx.Response(
            status, json={"errors": [{"code": code}]}, headers={"x-ratelimit-reset": "4", "x-ratelimit-limit": "1"}
        )
        with pytest.raises(ProviderUnavailable) as raised:
            TelnyxProvider(make_telnyx_settings(), scripted_server(response).transport).http_client.send(
                "s", "POST", "/x", body={}
            )
        assert raised.value.outcome_unknown is unknown
        assert raised.value.retry_after == (4 if status == 429 else None)


def test_an_empty_balance_is_a_limit(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.update_config({"telnyx": {"balance_usd": 0}})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan, {})
    assert raised.value.reason == "limit"


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_are_retried_after_a_failure_of_any_kind(kind, telnyx: TelnyxProvider, sim: SimulatorClient):
    (number,) = sim.seed_numbers(1, customer_reference="convos-agent-a")
    sim.inject_fault("telnyx", "numbers.list", kind, retry_after=0)
    assert [listed.id for listed in telnyx.list()] == [number["phone_number"]]
    sim.inject_fault("telnyx", "numbers.delete", kind, retry_after=0)
    assert delete_resource(telnyx, number["phone_number"]) is True
    assert [leftover for leftover in sim.list_leftovers() if leftover.kind == "number"] == []


@pytest.mark.parametrize(
    ("kind", "unknown", "count"), [("server_error_done", True, 1), ("garbage", True, 1), ("rate_limit_text", False, 0)]
)
def test_failed_orders_know_whether_the_outcome_is_unknown(
    kind, unknown, count, telnyx: TelnyxProvider, sim: SimulatorClient
):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", kind, times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        telnyx.create(plan, {})
    assert raised.value.outcome_unknown is unknown
    sim.clear_faults()
    assert len(telnyx.find(plan)) == count


@pytest.mark.parametrize("order", [{"kind": "refuse"}, {"kind": "rate_limit", "retry_after": 30.0}])
def test_any_error_after_the_order_leaves_the_outcome_unknown(order, telnyx: TelnyxProvider, sim: SimulatorClient):
    """Otherwise the number would count as never bought, and another would be bought."""
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.get", times=None, **order)
    with pytest.raises(ProviderUnavailable) as raised:
        telnyx.create(plan, {})
    assert raised.value.outcome_unknown
    assert raised.value.retry_after == order.get("retry_after")
    sim.clear_faults()
    assert [found.id for found in telnyx.find(plan)] == [plan["phone_number"]]
