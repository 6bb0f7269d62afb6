"""Telnyx: searches that hold nothing, orders that are pending and never idempotent, numbers that lag."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.provider_api import PROFILE, ProviderClient
from tests.harness.wait import wait_until


def _search_numbers(api: ProviderClient, query: str = "filter[limit]=20") -> list[str]:
    answer = api.request_telnyx("GET", f"/available_phone_numbers?{query}")
    assert answer.status_code == 200, answer.text
    return [entry["phone_number"] for entry in answer.json()["data"]]


def _order_number(api: ProviderClient, number: str, **more: Any) -> httpx.Response:
    return api.request_telnyx("POST", "/number_orders", json={"phone_numbers": [{"phone_number": number}], **more})


def _get_error_code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def _list_owned_numbers(api: ProviderClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.request_telnyx("GET", f"/phone_numbers?{query}").json()["data"]
    return found


def test_search_offers_everybody_the_same_numbers(api: ProviderClient) -> None:
    found = _search_numbers(api)
    assert (len(found), found) == (20, _search_numbers(api))
    assert all(number.startswith("+1") and len(number) == 12 for number in found)


def test_search_has_costs_features_and_both_kinds_of_counters(api: ProviderClient) -> None:
    body = api.request_telnyx("GET", "/available_phone_numbers?filter[features][]=sms&filter[limit]=1").json()
    entry = body["data"][0]
    assert entry["cost_information"] == {"currency": "USD", "monthly_cost": "1.00", "upfront_cost": "1.00"}
    assert {"name": "sms"} in entry["features"]
    assert body["meta"] == body["metadata"] == {"total_results": 1, "best_effort_results": 0}


def test_search_filters(api: ProviderClient) -> None:
    assert all(
        n.startswith("+1415") for n in _search_numbers(api, "filter[national_destination_code]=415&filter[limit]=3")
    )
    assert all(n.startswith("+1512") for n in _search_numbers(api, "filter[locality]=Austin&filter[limit]=3"))
    assert all(n.endswith("77") for n in _search_numbers(api, "filter[phone_number][ends_with]=77&filter[limit]=3"))
    assert _search_numbers(api, "filter[country_code]=FR") == []
    assert api.request_telnyx("GET", "/available_phone_numbers?limit=3").status_code == 400


def test_order_is_pending_then_a_success_and_the_number_lags_behind(api: ProviderClient) -> None:
    api.simulator.update_config({"telnyx": {"order_seconds": 0.1, "number_lag_s": 0.1}})
    number = _search_numbers(api)[0]
    answer = _order_number(api, number, customer_reference="inst-1", messaging_profile_id=PROFILE)
    order = answer.json()["data"]
    assert (answer.status_code, order["status"], order["phone_numbers"][0]["status"]) == (200, "pending", "pending")
    assert _list_owned_numbers(api) == []
    path = f"/number_orders/{order['id']}"
    wait_until(lambda: api.request_telnyx("GET", path).json()["data"]["status"] == "success")
    wait_until(lambda: len(_list_owned_numbers(api)) == 1)
    owned = _list_owned_numbers(api)[0]
    assert (owned["phone_number"], owned["status"], owned["messaging_profile_id"]) == (number, "active", PROFILE)
    assert owned["customer_reference"] == "inst-1"
    assert owned["id"].isdecimal()
    assert owned["id"] != order["phone_numbers"][0]["id"]
    assert number not in _search_numbers(api)


def test_customer_reference_need_not_reach_the_number(api: ProviderClient) -> None:
    api.simulator.update_config({"telnyx": {"copy_customer_reference": False, "order_seconds": 0, "number_lag_s": 0}})
    api.buy_number(customer_reference="inst-1")
    assert _list_owned_numbers(api)[0]["customer_reference"] is None


def test_orders_are_found_by_reference_without_their_numbers(api: ProviderClient) -> None:
    number = _search_numbers(api)[0]
    order = _order_number(api, number, customer_reference="inst-1").json()["data"]
    found = api.request_telnyx("GET", "/number_orders?filter[customer_reference]=inst-1").json()
    assert ([entry["id"] for entry in found["data"]], found["meta"]["total_results"]) == ([order["id"]], 1)
    assert "phone_numbers" not in found["data"][0]
    assert api.request_telnyx("GET", "/number_orders?filter[customer_reference]=other").json()["data"] == []
    assert api.request_telnyx("GET", "/number_orders?filter[reference]=x").status_code == 400
    changed = api.request_telnyx("PATCH", f"/number_orders/{order['id']}", json={"customer_reference": "new"})
    assert changed.json()["data"]["customer_reference"] == "new"


def test_failed_order_frees_its_number(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.update_config({"telnyx": {"order_end": "failure", "order_seconds": 0}})
    number = _search_numbers(api)[0]
    order = _order_number(api, number).json()["data"]["id"]
    data = api.request_telnyx("GET", f"/number_orders/{order}").json()["data"]
    assert (data["status"], data["phone_numbers"][0]["status"]) == ("failure", "failure")
    assert (_list_owned_numbers(api), sim.list_leftovers(), number in _search_numbers(api)) == ([], [], True)


def test_order_of_several_numbers_can_fail_in_part(api: ProviderClient) -> None:
    good, bad = _search_numbers(api)[:2]
    api.simulator.update_config({"telnyx": {"failing_numbers": [bad], "order_seconds": 0, "number_lag_s": 0}})
    body = {"phone_numbers": [{"phone_number": good}, {"phone_number": bad}]}
    order = api.request_telnyx("POST", "/number_orders", json=body).json()["data"]
    assert [entry["status"] for entry in order["phone_numbers"]] == ["success", "failure"]
    assert [number["phone_number"] for number in _list_owned_numbers(api)] == [good]


def test_number_must_have_been_searched_and_must_be_free(api: ProviderClient) -> None:
    assert _get_error_code(_order_number(api, "+19705550098")) == (422, "85000")
    first, second = _search_numbers(api)[:2]
    api.simulator.update_config({"telnyx": {"taken_numbers": [second], "number_error_status": 400}})
    assert _get_error_code(_order_number(api, second)) == (400, "85001")
    _order_number(api, first)
    assert _get_error_code(_order_number(api, first)) == (400, "85001")
    api.simulator.update_config({"telnyx": {"already_ours_code": "10012"}})
    assert _get_error_code(_order_number(api, first)) == (409, "10012")


def test_orders_are_not_idempotent(api: ProviderClient, sim: SimulatorClient) -> None:
    first, second = _search_numbers(api)[:2]
    for number in (first, second):
        assert _order_number(api, number, customer_reference="same").status_code == 200
    assert len([left for left in sim.list_leftovers() if left.kind == "number"]) == 2


def test_bad_profile_connection_and_body_differ_by_code(api: ProviderClient) -> None:
    number = _search_numbers(api)[0]
    assert _get_error_code(_order_number(api, number, messaging_profile_id="nope")) == (422, "85005")
    assert _get_error_code(_order_number(api, number, connection_id="nope")) == (422, "85004")
    assert _get_error_code(_order_number(api, number, reference="x")) == (422, "10027")
    assert _get_error_code(api.request_telnyx("POST", "/number_orders", json={"phone_numbers": [number]})) == (
        422,
        "10027",
    )
    assert _get_error_code(api.request_telnyx("POST", "/number_orders", json={"phone_numbers": []})) == (422, "10027")


def test_empty_account_cannot_buy(api: ProviderClient) -> None:
    api.simulator.update_config({"telnyx": {"balance_usd": 3}})
    first, second = _search_numbers(api)[:2]
    assert _order_number(api, first).status_code == 200
    assert _get_error_code(_order_number(api, second)) == (403, "20100")


def test_reservation_holds_a_number(api: ProviderClient) -> None:
    number = _search_numbers(api)[0]
    body = {"phone_numbers": [{"phone_number": number}], "customer_reference": "r"}
    made = api.request_telnyx("POST", "/number_reservations", json=body)
    assert made.status_code == 200
    assert number not in _search_numbers(api)
    assert _get_error_code(api.request_telnyx("POST", "/number_reservations", json=body)) == (422, "85006")
    assert api.request_telnyx("GET", f"/number_reservations/{made.json()['data']['id']}").status_code == 200
    assert _order_number(api, number).status_code == 200


def test_plus_in_the_filter_is_an_empty_list_and_no_error(api: ProviderClient, sim: SimulatorClient) -> None:
    number = str(sim.seed_numbers(1)[0]["phone_number"])
    assert len(_list_owned_numbers(api, f"filter[phone_number]={number[1:]}")) == 1
    assert _list_owned_numbers(api, f"filter[phone_number]=%2B{number[1:]}") == []
    assert api.request_telnyx("GET", "/phone_numbers?filter[phone_number]=19").status_code == 400


def test_numbers_are_paged_with_totals(api: ProviderClient, sim: SimulatorClient) -> None:
    made = sim.seed_numbers(45, "pool")
    pages = [api.request_telnyx("GET", f"/phone_numbers?page[number]={page}").json() for page in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [20, 20, 5]
    assert pages[0]["meta"] == {"page_number": 1, "page_size": 20, "total_results": 45, "total_pages": 3}
    assert {n["id"] for page in pages for n in page["data"]} == {n["id"] for n in made}
    assert len(_list_owned_numbers(api, "page[size]=250&filter[customer_reference]=pool")) == 45
    assert api.request_telnyx("GET", "/phone_numbers?page[size]=251").status_code == 400


def test_number_is_addressed_by_id_or_by_e164(api: ProviderClient, sim: SimulatorClient) -> None:
    number = sim.seed_numbers(1)[0]
    e164 = f"%2B{str(number['phone_number'])[1:]}"
    assert api.request_telnyx("GET", f"/phone_numbers/{e164}").json()["data"]["id"] == number["id"]
    changed = api.request_telnyx("PATCH", f"/phone_numbers/{e164}", json={"tags": ["t"], "customer_reference": "c"})
    assert changed.json()["data"]["tags"] == ["t"]
    assert len(_list_owned_numbers(api, "filter[tag]=t&filter[customer_reference]=c")) == 1
    sim.update_config({"telnyx": {"e164_as_id": False}})
    assert _get_error_code(api.request_telnyx("GET", f"/phone_numbers/{e164}")) == (404, "10005")


def test_profile_is_assigned_at_its_own_endpoint_only(api: ProviderClient, sim: SimulatorClient) -> None:
    path = f"/phone_numbers/{sim.seed_numbers(1)[0]['id']}"
    ignored = api.request_telnyx("PATCH", path, json={"messaging_profile_id": PROFILE})
    assert (ignored.status_code, ignored.json()["data"]["messaging_profile_id"]) == (200, None)
    assert api.request_telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": PROFILE}).status_code == 200
    listed = api.request_telnyx("GET", f"/phone_numbers/messaging?filter[messaging_profile_id]={PROFILE}").json()[
        "data"
    ]
    assert len(listed) == 1
    assert api.request_telnyx("GET", path).json()["data"]["messaging_profile_name"] == "sim"
    assert _get_error_code(api.request_telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": "x"})) == (
        422,
        "85005",
    )
    api.request_telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": ""})
    assert api.request_telnyx("GET", f"{path}/messaging").json()["data"]["messaging_profile_id"] is None


def test_deleted_number_is_gone_but_held_numbers_come_up_in_searches(api: ProviderClient, sim: SimulatorClient) -> None:
    number = sim.seed_numbers(1)[0]
    path = f"/phone_numbers/{number['id']}"
    sim.set_number_lock(str(number["id"]))
    assert _get_error_code(api.request_telnyx("DELETE", path)) == (422, "10027")
    sim.set_number_lock(str(number["id"]), locked=False)
    assert api.request_telnyx("DELETE", path).json()["data"]["status"] == "deleted"
    assert (_get_error_code(api.request_telnyx("DELETE", path)), sim.list_leftovers()) == ((404, "10005"), [])
    assert _search_numbers(api)[0] == number["phone_number"]
    assert number["phone_number"] not in _search_numbers(api, "filter[exclude_held_numbers]=true&filter[limit]=20")


def test_profiles_need_destinations_and_share_names(api: ProviderClient) -> None:
    assert _get_error_code(api.request_telnyx("POST", "/messaging_profiles", json={"name": "sim"})) == (422, "40331")
    body = {"name": "sim", "whitelisted_destinations": ["US"]}
    made = api.request_telnyx("POST", "/messaging_profiles", json=body)
    assert made.status_code == 200
    found = api.request_telnyx("GET", "/messaging_profiles?filter[name][eq]=sim").json()["data"]
    assert {profile["id"] for profile in found} == {PROFILE, made.json()["data"]["id"]}
    path = f"/messaging_profiles/{PROFILE}"
    assert api.request_telnyx("PATCH", path, json={"enabled": False}).json()["data"]["enabled"] is False
    assert api.request_telnyx("DELETE", path).status_code == 200
    assert _get_error_code(api.request_telnyx("GET", path)) == (404, "10005")
    api.simulator.update_config({"telnyx": {"profile_create_status": 201}})
    assert api.request_telnyx("POST", "/messaging_profiles", json=body).status_code == 201


def test_bad_key_is_a_401(api: ProviderClient) -> None:
    answer = httpx.get(f"{api.simulator.base_urls.telnyx}/phone_numbers", headers={"Authorization": "Bearer bad-token"})
    assert _get_error_code(answer) == (401, "10009")


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_body_must_be_a_json_object(api: ProviderClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert _get_error_code(api.request_telnyx("POST", "/number_orders", content=body, headers=headers)) == (
        400,
        "10015",
    )


def test_rate_limit_headers_hold_the_seconds_until_the_reset(api: ProviderClient) -> None:
    api.simulator.update_config({"telnyx": {"rate_limit": {"requests": 1, "window_s": 5}}})
    first, second = api.request_telnyx("GET", "/phone_numbers"), api.request_telnyx("GET", "/phone_numbers")
    assert first.headers["x-ratelimit-remaining"] == "0"
    assert _get_error_code(second) == (429, "10011")
    assert 1 <= int(second.headers["x-ratelimit-reset"]) <= 6
