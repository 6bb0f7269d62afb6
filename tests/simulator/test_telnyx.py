"""Telnyx: searches that hold nothing, orders that are pending and never idempotent, numbers that lag."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.simulator.api import PROFILE, Api, eventually


def _search(api: Api, query: str = "filter[limit]=20") -> list[str]:
    answer = api.telnyx("GET", f"/available_phone_numbers?{query}")
    assert answer.status_code == 200, answer.text
    return [entry["phone_number"] for entry in answer.json()["data"]]


def _order(api: Api, number: str, **more: Any) -> httpx.Response:
    return api.telnyx("POST", "/number_orders", json={"phone_numbers": [{"phone_number": number}], **more})


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def _owned(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.telnyx("GET", f"/phone_numbers?{query}").json()["data"]
    return found


def test_search_offers_everybody_the_same_numbers(api: Api) -> None:
    found = _search(api)
    assert (len(found), found) == (20, _search(api))
    assert all(number.startswith("+1") and len(number) == 12 for number in found)


def test_search_has_costs_features_and_both_kinds_of_counters(api: Api) -> None:
    body = api.telnyx("GET", "/available_phone_numbers?filter[features][]=sms&filter[limit]=1").json()
    entry = body["data"][0]
    assert entry["cost_information"] == {"currency": "USD", "monthly_cost": "1.00", "upfront_cost": "1.00"}
    assert {"name": "sms"} in entry["features"]
    assert body["meta"] == body["metadata"] == {"total_results": 1, "best_effort_results": 0}


def test_search_filters(api: Api) -> None:
    assert all(n.startswith("+1415") for n in _search(api, "filter[national_destination_code]=415&filter[limit]=3"))
    assert all(n.startswith("+1512") for n in _search(api, "filter[locality]=Austin&filter[limit]=3"))
    assert all(n.endswith("77") for n in _search(api, "filter[phone_number][ends_with]=77&filter[limit]=3"))
    assert _search(api, "filter[country_code]=FR") == []
    assert api.telnyx("GET", "/available_phone_numbers?limit=3").status_code == 400


def test_order_is_pending_then_a_success_and_the_number_lags_behind(api: Api) -> None:
    api.sim.config({"telnyx": {"order_seconds": 0.1, "number_lag_s": 0.1}})
    number = _search(api)[0]
    answer = _order(api, number, customer_reference="inst-1", messaging_profile_id=PROFILE)
    order = answer.json()["data"]
    assert (answer.status_code, order["status"], order["phone_numbers"][0]["status"]) == (200, "pending", "pending")
    assert _owned(api) == []
    path = f"/number_orders/{order['id']}"
    eventually(lambda: api.telnyx("GET", path).json()["data"]["status"] == "success")
    eventually(lambda: len(_owned(api)) == 1)
    owned = _owned(api)[0]
    assert (owned["phone_number"], owned["status"], owned["messaging_profile_id"]) == (number, "active", PROFILE)
    assert owned["customer_reference"] == "inst-1"
    assert owned["id"].isdecimal()
    assert owned["id"] != order["phone_numbers"][0]["id"]
    assert number not in _search(api)


def test_customer_reference_need_not_reach_the_number(api: Api) -> None:
    api.sim.config({"telnyx": {"copy_customer_reference": False, "order_seconds": 0, "number_lag_s": 0}})
    api.number(customer_reference="inst-1")
    assert _owned(api)[0]["customer_reference"] is None


def test_orders_are_found_by_reference_without_their_numbers(api: Api) -> None:
    number = _search(api)[0]
    order = _order(api, number, customer_reference="inst-1").json()["data"]
    found = api.telnyx("GET", "/number_orders?filter[customer_reference]=inst-1").json()
    assert ([entry["id"] for entry in found["data"]], found["meta"]["total_results"]) == ([order["id"]], 1)
    assert "phone_numbers" not in found["data"][0]
    assert api.telnyx("GET", "/number_orders?filter[customer_reference]=other").json()["data"] == []
    assert api.telnyx("GET", "/number_orders?filter[reference]=x").status_code == 400
    changed = api.telnyx("PATCH", f"/number_orders/{order['id']}", json={"customer_reference": "new"})
    assert changed.json()["data"]["customer_reference"] == "new"


def test_failed_order_frees_its_number(api: Api, sim: SimulatorClient) -> None:
    sim.config({"telnyx": {"order_end": "failure", "order_seconds": 0}})
    number = _search(api)[0]
    order = _order(api, number).json()["data"]["id"]
    data = api.telnyx("GET", f"/number_orders/{order}").json()["data"]
    assert (data["status"], data["phone_numbers"][0]["status"]) == ("failure", "failure")
    assert (_owned(api), sim.leftovers(), number in _search(api)) == ([], [], True)


def test_order_of_several_numbers_can_fail_in_part(api: Api) -> None:
    good, bad = _search(api)[:2]
    api.sim.config({"telnyx": {"failing_numbers": [bad], "order_seconds": 0, "number_lag_s": 0}})
    body = {"phone_numbers": [{"phone_number": good}, {"phone_number": bad}]}
    order = api.telnyx("POST", "/number_orders", json=body).json()["data"]
    assert [entry["status"] for entry in order["phone_numbers"]] == ["success", "failure"]
    assert [number["phone_number"] for number in _owned(api)] == [good]


def test_number_must_have_been_searched_and_must_be_free(api: Api) -> None:
    assert _code(_order(api, "+19705550098")) == (422, "85000")
    first, second = _search(api)[:2]
    api.sim.config({"telnyx": {"taken_numbers": [second], "number_error_status": 400}})
    assert _code(_order(api, second)) == (400, "85001")
    _order(api, first)
    assert _code(_order(api, first)) == (400, "85001")
    api.sim.config({"telnyx": {"already_ours_code": "10012"}})
    assert _code(_order(api, first)) == (409, "10012")


def test_orders_are_not_idempotent(api: Api, sim: SimulatorClient) -> None:
    first, second = _search(api)[:2]
    for number in (first, second):
        assert _order(api, number, customer_reference="same").status_code == 200
    assert len([left for left in sim.leftovers() if left.kind == "number"]) == 2


def test_bad_profile_connection_and_body_are_told_apart_by_code(api: Api) -> None:
    number = _search(api)[0]
    assert _code(_order(api, number, messaging_profile_id="nope")) == (422, "85005")
    assert _code(_order(api, number, connection_id="nope")) == (422, "85004")
    assert _code(_order(api, number, reference="x")) == (422, "10027")
    assert _code(api.telnyx("POST", "/number_orders", json={"phone_numbers": [number]})) == (422, "10027")
    assert _code(api.telnyx("POST", "/number_orders", json={"phone_numbers": []})) == (422, "10027")


def test_empty_account_cannot_buy(api: Api) -> None:
    api.sim.config({"telnyx": {"balance_usd": 3}})
    first, second = _search(api)[:2]
    assert _order(api, first).status_code == 200
    assert _code(_order(api, second)) == (403, "20100")


def test_reservation_holds_a_number(api: Api) -> None:
    number = _search(api)[0]
    body = {"phone_numbers": [{"phone_number": number}], "customer_reference": "r"}
    made = api.telnyx("POST", "/number_reservations", json=body)
    assert made.status_code == 200
    assert number not in _search(api)
    assert _code(api.telnyx("POST", "/number_reservations", json=body)) == (422, "85006")
    assert api.telnyx("GET", f"/number_reservations/{made.json()['data']['id']}").status_code == 200
    assert _order(api, number).status_code == 200


def test_plus_in_the_filter_is_an_empty_list_and_no_error(api: Api, sim: SimulatorClient) -> None:
    number = str(sim.seed_numbers(1)[0]["phone_number"])
    assert len(_owned(api, f"filter[phone_number]={number[1:]}")) == 1
    assert _owned(api, f"filter[phone_number]=%2B{number[1:]}") == []
    assert api.telnyx("GET", "/phone_numbers?filter[phone_number]=19").status_code == 400


def test_numbers_are_paged_with_totals(api: Api, sim: SimulatorClient) -> None:
    made = sim.seed_numbers(45, "pool")
    pages = [api.telnyx("GET", f"/phone_numbers?page[number]={page}").json() for page in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [20, 20, 5]
    assert pages[0]["meta"] == {"page_number": 1, "page_size": 20, "total_results": 45, "total_pages": 3}
    assert {n["id"] for page in pages for n in page["data"]} == {n["id"] for n in made}
    assert len(_owned(api, "page[size]=250&filter[customer_reference]=pool")) == 45
    assert api.telnyx("GET", "/phone_numbers?page[size]=251").status_code == 400


def test_number_is_addressed_by_id_or_by_e164(api: Api, sim: SimulatorClient) -> None:
    number = sim.seed_numbers(1)[0]
    e164 = f"%2B{str(number['phone_number'])[1:]}"
    assert api.telnyx("GET", f"/phone_numbers/{e164}").json()["data"]["id"] == number["id"]
    changed = api.telnyx("PATCH", f"/phone_numbers/{e164}", json={"tags": ["t"], "customer_reference": "c"})
    assert changed.json()["data"]["tags"] == ["t"]
    assert len(_owned(api, "filter[tag]=t&filter[customer_reference]=c")) == 1
    sim.config({"telnyx": {"e164_as_id": False}})
    assert _code(api.telnyx("GET", f"/phone_numbers/{e164}")) == (404, "10005")


def test_profile_is_assigned_at_its_own_endpoint_only(api: Api, sim: SimulatorClient) -> None:
    path = f"/phone_numbers/{sim.seed_numbers(1)[0]['id']}"
    ignored = api.telnyx("PATCH", path, json={"messaging_profile_id": PROFILE})
    assert (ignored.status_code, ignored.json()["data"]["messaging_profile_id"]) == (200, None)
    assert api.telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": PROFILE}).status_code == 200
    listed = api.telnyx("GET", f"/phone_numbers/messaging?filter[messaging_profile_id]={PROFILE}").json()["data"]
    assert len(listed) == 1
    assert api.telnyx("GET", path).json()["data"]["messaging_profile_name"] == "sim"
    assert _code(api.telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": "x"})) == (422, "85005")
    api.telnyx("PATCH", f"{path}/messaging", json={"messaging_profile_id": ""})
    assert api.telnyx("GET", f"{path}/messaging").json()["data"]["messaging_profile_id"] is None


def test_deleted_number_is_gone_but_held_numbers_come_up_in_searches(api: Api, sim: SimulatorClient) -> None:
    number = sim.seed_numbers(1)[0]
    path = f"/phone_numbers/{number['id']}"
    sim.lock_number(str(number["id"]))
    assert _code(api.telnyx("DELETE", path)) == (422, "10027")
    sim.lock_number(str(number["id"]), locked=False)
    assert api.telnyx("DELETE", path).json()["data"]["status"] == "deleted"
    assert (_code(api.telnyx("DELETE", path)), sim.leftovers()) == ((404, "10005"), [])
    assert _search(api)[0] == number["phone_number"]
    assert number["phone_number"] not in _search(api, "filter[exclude_held_numbers]=true&filter[limit]=20")


def test_profiles_need_destinations_and_share_names(api: Api) -> None:
    assert _code(api.telnyx("POST", "/messaging_profiles", json={"name": "sim"})) == (422, "40331")
    body = {"name": "sim", "whitelisted_destinations": ["US"]}
    made = api.telnyx("POST", "/messaging_profiles", json=body)
    assert made.status_code == 200
    found = api.telnyx("GET", "/messaging_profiles?filter[name][eq]=sim").json()["data"]
    assert {profile["id"] for profile in found} == {PROFILE, made.json()["data"]["id"]}
    path = f"/messaging_profiles/{PROFILE}"
    assert api.telnyx("PATCH", path, json={"enabled": False}).json()["data"]["enabled"] is False
    assert api.telnyx("DELETE", path).status_code == 200
    assert _code(api.telnyx("GET", path)) == (404, "10005")
    api.sim.config({"telnyx": {"profile_create_status": 201}})
    assert api.telnyx("POST", "/messaging_profiles", json=body).status_code == 201


def test_bad_key_is_a_401(api: Api) -> None:
    answer = httpx.get(f"{api.sim.bases.telnyx}/phone_numbers", headers={"Authorization": "Bearer bad-token"})
    assert _code(answer) == (401, "10009")


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_body_must_be_a_json_object(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert _code(api.telnyx("POST", "/number_orders", content=body, headers=headers)) == (400, "10015")


def test_rate_limit_tells_the_seconds_left(api: Api) -> None:
    api.sim.config({"telnyx": {"rate_limit": {"requests": 1, "window_s": 5}}})
    first, second = api.telnyx("GET", "/phone_numbers"), api.telnyx("GET", "/phone_numbers")
    assert first.headers["x-ratelimit-remaining"] == "0"
    assert _code(second) == (429, "10011")
    assert 1 <= int(second.headers["x-ratelimit-reset"]) <= 6
