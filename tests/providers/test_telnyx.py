import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from pointsman.http_transport import Transport
from pointsman.providers.telnyx import provider as module
from pointsman.providers.telnyx.provider import TelnyxProvider
from pointsman.settings.providers import TelnyxSettings
from tests.providers.conftest import ScriptedServer

NUMBER = "+19705555098"
PLAN = {"phone_number": NUMBER, "customer_reference": "convos-agent-a", "messaging_profile_id": "p1"}


def make_settings(url="http://telnyx.test/v2", **changes):
    values = {"api_key": "KEY0123456789_secret", "messaging_profile_id": "", "url": url, "timeout": 5.0}
    return TelnyxSettings(**(values | changes))


@pytest.fixture
def telnyx(sim: SimulatorClient, fast_transport: Transport):
    sim.update_config({"telnyx": {"order_seconds": 0.05, "number_lag_s": 0.05}})
    provider = TelnyxProvider(make_settings(sim.base_urls.telnyx), fast_transport)
    yield provider
    provider.http_client.close()


def called_operations(sim: SimulatorClient):
    return [call.operation for call in sim.list_calls()]


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
    assert {"order_id", "number_id", "messaging_profile_id"} <= set(resource.meta)
    assert telnyx.adoptable
    assert [one.env for one in telnyx.find(plan)] == [resource.env]
    assert [(one.id, one.name) for one in telnyx.list()] == [(resource.id, "convos-agent-a")]
    assert telnyx.delete(resource.id) is True
    assert telnyx.delete(resource.id) is False
    assert telnyx.find(plan) == []
    assert [left for left in sim.list_leftovers() if left.kind != "messaging_profile"] == []


def test_the_profile_is_made_once_and_found_by_its_exact_name(telnyx: TelnyxProvider, sim: SimulatorClient):
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
    third = TelnyxProvider(make_settings(sim.base_urls.telnyx)).plan("c", "1")
    assert first["messaging_profile_id"] == second["messaging_profile_id"] == third["messaging_profile_id"]
    assert called_operations(sim).count("profiles.create") == 3
    assert request_bodies(sim, "profiles.create")[-1] == {"name": "convos-agent", "whitelisted_destinations": ["US"]}


def test_a_profile_of_the_settings_is_used_as_it_is(sim: SimulatorClient):
    own = TelnyxProvider(make_settings(sim.base_urls.telnyx, messaging_profile_id="mine"))
    assert own.plan("a", "1")["messaging_profile_id"] == "mine"
    assert called_operations(sim) == ["numbers.search"]


def test_a_lost_answer_of_an_order_is_adopted_not_repeated(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert called_operations(sim).count("orders.create") == 1
    (found,) = telnyx.find(plan)
    assert found.env["TELNYX_PHONE_NUMBER"] == plan["phone_number"]
    assert len([left for left in sim.list_leftovers() if left.kind == "number"]) == 1


def test_the_same_order_again_after_a_lost_answer_gives_the_same_number(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert telnyx.create(plan, {}).id == plan["phone_number"]
    assert len([left for left in sim.list_leftovers() if left.kind == "number"]) == 1


@pytest.mark.parametrize("code", ["85001", "10012"])
def test_a_number_that_another_instance_bought_is_taken(code, telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"already_ours_code": code, "copy_customer_reference": False}})
    plan = telnyx.plan("convos-agent-a", "1")
    telnyx.create(plan, {})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan | {"customer_reference": "convos-agent-b"}, {})
    assert raised.value.reason == "taken"
    assert telnyx.find(plan | {"customer_reference": "convos-agent-b"}) == []


def test_a_number_without_a_reference_is_not_adopted_for_its_profile_only(
    scripted_server: Callable[..., ScriptedServer],
):
    bare = {"id": "1", "phone_number": NUMBER, "status": "active", "messaging_profile_id": "p1"}
    server = scripted_server(
        httpx.Response(200, json={"data": [bare], "meta": {"total_pages": 1}}), httpx.Response(200, json=EMPTY)
    )
    assert TelnyxProvider(make_settings(), server.transport).find(PLAN) == []


EMPTY = {"data": [], "meta": {"total_pages": 1, "total_results": 0}}


def test_somebody_elses_number_is_taken(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.update_config({"telnyx": {"taken_numbers": [plan["phone_number"]]}})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan, {})
    assert raised.value.reason == "taken"


def test_a_number_that_no_search_has_shown_is_taken(telnyx: TelnyxProvider):
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


def test_a_reference_that_is_not_copied_is_written(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"copy_customer_reference": False}})
    resource = telnyx.create(telnyx.plan("convos-agent-a", "1"), {})
    assert request_bodies(sim, "numbers.update") == [{"customer_reference": "convos-agent-a"}]
    assert [(one.id, one.name) for one in telnyx.list()] == [(resource.id, "convos-agent-a")]


def test_a_number_whose_reference_cannot_be_written_is_named_by_its_order(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"copy_customer_reference": False}})
    sim.inject_fault("telnyx", "numbers.update", "refuse", times=None)
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    assert [(one.id, one.name) for one in telnyx.list()] == [(resource.id, "convos-agent-a")]
    assert [one.id for one in telnyx.find(plan)] == [resource.id]


def test_a_number_that_lags_is_waited_for(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"number_lag_s": 0.3}})
    plan = telnyx.plan("convos-agent-a", "1")
    resource = telnyx.create(plan, {})
    assert resource.meta["number_id"]


def test_deleting_a_number_that_is_not_visible_yet_does_not_call_it_gone(telnyx: TelnyxProvider, sim: SimulatorClient):
    sim.update_config({"telnyx": {"number_lag_s": 0.2, "order_seconds": 0.2}})
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", "lost")
    with pytest.raises(ProviderTimeout):
        telnyx.create(plan, {})
    assert telnyx.delete(plan["phone_number"]) is True
    assert [left for left in sim.list_leftovers() if left.kind == "number"] == []


def test_an_order_that_stays_pending_is_a_timeout(scripted_server: Callable[..., ScriptedServer]):
    order = {"id": "o1", "status": "pending", "phone_numbers": [{"phone_number": NUMBER, "status": "pending"}]}
    server = scripted_server(httpx.Response(200, json={"data": order}))
    with pytest.raises(ProviderTimeout):
        TelnyxProvider(make_settings(), server.transport).create(PLAN, {})
    assert 9 <= sum(server.sleeps) <= 11
    assert [request.method for request in server.requests] == ["POST"] + ["GET"] * 8


def test_a_locked_number_is_not_deleted(telnyx: TelnyxProvider, sim: SimulatorClient):
    (number,) = sim.seed_numbers(1)
    sim.set_number_lock(number["id"])
    with pytest.raises(ProviderRejected, match="lock") as raised:
        telnyx.delete(number["phone_number"])
    assert raised.value.reason == "not_ready"
    sim.set_number_lock(number["id"], locked=False)
    assert telnyx.delete(number["phone_number"]) is True


def test_numbers_are_looked_up_by_digits_only(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json=EMPTY))
    assert TelnyxProvider(make_settings(), server.transport).delete(NUMBER) is False
    assert server.requests[0].url.params["filter[phone_number]"] == "19705555098"


@pytest.mark.parametrize("value", ["", "+", "1293384261075731499", "abc"])
def test_what_is_no_number_is_refused_rather_than_called_gone(value):
    with pytest.raises(InvalidInput):
        TelnyxProvider(make_settings()).delete(value)


@pytest.mark.parametrize("cap", [250, 30])
def test_thousands_are_listed_over_all_pages(cap, telnyx: TelnyxProvider, sim: SimulatorClient):
    count = 1100 if cap == 250 else 70
    sim.update_config({"telnyx": {"page_max": cap}})
    seeded = sim.seed_numbers(count, customer_reference="convos-agent-x")
    found = [*telnyx.list()]
    assert {one.id for one in found} == {one["phone_number"] for one in seeded}
    assert len(found) == count
    assert {one.name for one in found} == {"convos-agent-x"}


def test_a_page_size_that_is_refused_is_left_out(scripted_server: Callable[..., ScriptedServer]):
    row = {"id": "1", "phone_number": NUMBER, "customer_reference": "r", "status": "active"}
    server = scripted_server(
        httpx.Response(422, json={"errors": [{"code": "10015", "title": "Bad request"}]}),
        httpx.Response(200, json={"data": [row], "metadata": {"total_pages": 1}}),
    )
    assert [one.id for one in TelnyxProvider(make_settings(), server.transport).list()] == [NUMBER]
    assert "page[size]" not in server.requests[1].url.params


def test_without_a_total_a_page_that_brings_nothing_new_is_the_end(scripted_server: Callable[..., ScriptedServer]):
    rows = [{"id": "1", "phone_number": NUMBER, "customer_reference": "r", "status": "active"}]
    gone = [{"id": "2", "phone_number": "+1212", "customer_reference": "r", "status": "deleted"}]
    server = scripted_server(
        httpx.Response(200, json={"data": rows}),
        httpx.Response(200, json={"data": gone}),
        httpx.Response(200, json={"data": rows}),
    )
    assert [one.id for one in TelnyxProvider(make_settings(), server.transport).list()] == [NUMBER]
    assert len(server.requests) == 3


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


def test_an_order_proves_a_number_that_is_not_listed_only_while_it_is_young(
    scripted_server: Callable[..., ScriptedServer],
):
    empty = httpx.Response(200, json=EMPTY)
    young = scripted_server(empty, order_response(1), empty)
    assert [one.id for one in TelnyxProvider(make_settings(), young.transport).find(PLAN)] == [NUMBER]
    old = scripted_server(empty, order_response(600), empty)
    assert TelnyxProvider(make_settings(), old.transport).find(PLAN) == []
    assert old.sleeps == []


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
def test_codes_count_before_statuses(status, code, reason, scripted_server: Callable[..., ScriptedServer]):
    response = httpx.Response(status, json={"errors": [{"code": code, "title": "t", "detail": "d"}]})
    with pytest.raises(ProviderRejected) as raised:
        TelnyxProvider(make_settings(), scripted_server(response).transport).http_client.send(
            "s", "POST", "/number_orders", body={}
        )
    assert raised.value.reason == reason
    assert code in str(raised.value)


def test_what_may_pass_is_told_apart(scripted_server: Callable[..., ScriptedServer]):
    for status, code, unknown in ((429, "10011", False), (422, "10036", True), (503, "10037", True)):
        response = httpx.Response(
            status, json={"errors": [{"code": code}]}, headers={"x-ratelimit-reset": "4", "x-ratelimit-limit": "1"}
        )
        with pytest.raises(ProviderUnavailable) as raised:
            TelnyxProvider(make_settings(), scripted_server(response).transport).http_client.send(
                "s", "POST", "/x", body={}
            )
        assert raised.value.outcome_unknown is unknown
        assert raised.value.retry_after == (4 if status == 429 else None)


def test_no_money_is_a_limit(telnyx: TelnyxProvider, sim: SimulatorClient):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.update_config({"telnyx": {"balance_usd": 0}})
    with pytest.raises(ProviderRejected) as raised:
        telnyx.create(plan, {})
    assert raised.value.reason == "limit"


@pytest.mark.parametrize("kind", ["rate_limit", "rate_limit_text", "server_error", "html", "garbage", "drop", "lost"])
def test_reads_and_deletes_get_over_one_failure_of_any_kind(kind, telnyx: TelnyxProvider, sim: SimulatorClient):
    (number,) = sim.seed_numbers(1, customer_reference="convos-agent-a")
    sim.inject_fault("telnyx", "numbers.list", kind, retry_after=0)
    assert [one.id for one in telnyx.list()] == [number["phone_number"]]
    sim.inject_fault("telnyx", "numbers.delete", kind, retry_after=0)
    assert telnyx.delete(number["phone_number"]) is True
    assert [left for left in sim.list_leftovers() if left.kind == "number"] == []


@pytest.mark.parametrize(
    ("kind", "unknown", "left"), [("server_error_done", True, 1), ("garbage", True, 1), ("rate_limit_text", False, 0)]
)
def test_orders_say_whether_something_may_have_been_done(
    kind, unknown, left, telnyx: TelnyxProvider, sim: SimulatorClient
):
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", "orders.create", kind, times=None)
    with pytest.raises(ProviderUnavailable) as raised:
        telnyx.create(plan, {})
    assert raised.value.outcome_unknown is unknown
    sim.clear_faults()
    assert len(telnyx.find(plan)) == left


@pytest.mark.parametrize("operation", ["orders.get", "numbers.list"])
@pytest.mark.parametrize("order", [{"kind": "refuse"}, {"kind": "rate_limit", "retry_after": 30.0}])
def test_a_number_that_was_ordered_may_be_ours_whatever_a_look_at_it_says(
    operation, order, telnyx: TelnyxProvider, sim: SimulatorClient
):
    """Else it would be taken for never bought, and another one be bought."""
    plan = telnyx.plan("convos-agent-a", "1")
    sim.inject_fault("telnyx", operation, times=None, **order)
    with pytest.raises(ProviderUnavailable) as raised:
        telnyx.create(plan, {})
    assert raised.value.outcome_unknown
    assert raised.value.retry_after == order.get("retry_after")
    sim.clear_faults()
    assert [one.id for one in telnyx.find(plan)] == [plan["phone_number"]]


def test_what_is_sent_is_what_was_planned(scripted_server: Callable[..., ScriptedServer]):
    order = {"id": "o1", "status": "success", "phone_numbers": [{"phone_number": NUMBER, "status": "success"}]}
    owned = {"id": "7", "phone_number": NUMBER, "status": "active", "customer_reference": "convos-agent-a"}
    server = scripted_server(httpx.Response(200, json={"data": order}), httpx.Response(200, json={"data": [owned]}))
    resource = TelnyxProvider(make_settings(), server.transport).create(PLAN, {})
    assert json.loads(server.requests[0].content) == {
        "phone_numbers": [{"phone_number": NUMBER}],
        "messaging_profile_id": "p1",
        "customer_reference": "convos-agent-a",
    }
    assert resource.meta == {"order_id": "o1", "number_id": "7", "messaging_profile_id": "p1", "status": "active"}


def test_nothing_on_offer_may_pass(scripted_server: Callable[..., ScriptedServer]):
    server = scripted_server(httpx.Response(200, json={"data": []}))
    with pytest.raises(ProviderUnavailable) as raised:
        TelnyxProvider(make_settings(messaging_profile_id="p"), server.transport).plan("a", "1")
    assert not raised.value.outcome_unknown


def test_configured_only_with_a_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TELNYX_API_KEY", raising=False)
    try:
        assert module.get_provider() is None
        monkeypatch.setenv("TELNYX_API_KEY", "KEY1")
        assert module.get_provider() is module.get_provider() is not None
    finally:
        monkeypatch.undo()


def test_one_number_can_be_asked_for_alone_and_tells_since_when_it_is_ours(
    telnyx: TelnyxProvider, sim: SimulatorClient
):
    (seeded,) = sim.seed_numbers(1, "convos-agent-a")
    assert telnyx.exists(seeded["phone_number"]) is True
    (listed,) = telnyx.list()
    assert abs(datetime.fromisoformat(listed.meta["created_at"]).timestamp() - datetime.now(UTC).timestamp()) < 60
    telnyx.delete(seeded["phone_number"])
    assert telnyx.exists(seeded["phone_number"]) is False
