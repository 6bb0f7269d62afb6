"""Searching numbers for sale, and reserving them. A search holds nothing: everybody is offered the same ones."""

from collections.abc import Callable

from local.simulator.config import Config
from local.simulator.state import State
from local.simulator.telnyx.pool import place_of, stock
from local.simulator.telnyx.query import bad_body, bad_query, missing, refused
from local.simulator.telnyx.store import Reservation, new_uuid
from local.simulator.wire import LIST, TEXT_OR_NULL, Call, Obj, Reply, as_list, as_obj, as_str, iso

_FILTERS = tuple(
    f"filter[{name}]" for name in (
        "country_code", "features][", "features", "phone_number_type", "limit", "national_destination_code",
        "locality", "administrative_area", "rate_center", "phone_number][starts_with", "phone_number][ends_with",
        "phone_number][contains", "best_effort", "quickship", "reservable", "exclude_held_numbers",
    )
)  # fmt: skip
_RESERVED_FOR_S = 1800.0
_DEFAULT_LIMIT = 100


def _shown(phone_number: str) -> Obj:
    place = place_of(phone_number)
    regions = [{"region_type": "country_code", "region_name": "US"}]
    if place is not None:
        regions.append({"region_type": "state", "region_name": place.state})
        regions.append({"region_type": "rate_center", "region_name": place.locality})
    return {
        "record_type": "available_phone_number", "phone_number": phone_number, "best_effort": False,
        "quickship": True, "reservable": True, "vanity_format": "",
        "features": [{"name": "sms"}, {"name": "mms"}, {"name": "voice"}], "region_information": regions,
        "cost_information": {"currency": "USD", "monthly_cost": "1.00", "upfront_cost": "1.00"},
    }  # fmt: skip


def _matches(call: Call, phone_number: str) -> bool:
    place = place_of(phone_number)
    national = phone_number.removeprefix("+1")
    checks: dict[str, Callable[[str], bool]] = {
        "filter[national_destination_code]": lambda v: national[:3] == v,
        "filter[locality]": lambda v: place is not None and place.locality.lower() == v.lower(),
        "filter[rate_center]": lambda v: place is not None and place.locality.lower() == v.lower(),
        "filter[administrative_area]": lambda v: place is not None and place.state == v.upper(),
        "filter[phone_number][starts_with]": lambda v: national.startswith(v) or phone_number.startswith(v),
        "filter[phone_number][ends_with]": national.endswith,
        "filter[phone_number][contains]": lambda v: v in national,
    }
    return all(check(value) for name, check in checks.items() if (value := call.param(name)) is not None)


def search(state: State, config: Config, call: Call) -> Reply:
    problem = bad_query(call, _FILTERS)
    limit = call.param("filter[limit]") or str(_DEFAULT_LIMIT)
    if problem is None and (not limit.isdecimal() or int(limit) < 1):
        problem = refused(400, "10015", "filter[limit] must be a positive integer")
    if problem is not None:
        return problem
    sold_here = call.param("filter[country_code]") in (None, "US")
    sold_here = sold_here and call.param("filter[phone_number_type]") in (None, "local")
    found = _offered(state, config, call, int(limit)) if sold_here else []
    for phone_number in found:
        state.telnyx.searched_at[phone_number] = call.now
    meta = {"total_results": len(found), "best_effort_results": 0}
    return Reply(200, {"data": [_shown(number) for number in found], "meta": meta, "metadata": meta})


def _offered(state: State, config: Config, call: Call, limit: int) -> list[str]:
    """Numbers for sale, those that we have just released first: they do come up in searches while on hold."""
    telnyx, settings = state.telnyx, config.telnyx
    gone = telnyx.held(call.now) | set(settings.taken_numbers)
    reserved = {n for r in telnyx.reservations.values() if call.now < r.ends_at for n in r.phone_numbers}
    on_hold = [n for n, at in telnyx.released_at.items() if call.now < at + settings.release_hold_s]
    candidates = [] if call.param("filter[exclude_held_numbers]") == "true" else list(on_hold)
    found: list[str] = []
    for source in (candidates, stock()):
        for number in source:
            if len(found) >= limit:
                return found
            fresh = number not in gone and number not in reserved and number not in found
            if fresh and (source is candidates or number not in on_hold) and _matches(call, number):
                found.append(number)
    return found


def reserve(state: State, config: Config, call: Call) -> Reply:
    problem = bad_body(call, {"phone_numbers": LIST, "customer_reference": TEXT_OR_NULL}, ("phone_numbers",))
    if problem is not None:
        return problem
    wanted = [as_str(as_obj(entry).get("phone_number")) or "" for entry in as_list(call.body["phone_numbers"])]
    if not wanted:
        return refused(422, "10027", "phone_numbers must not be empty", "/phone_numbers")
    status = config.telnyx.number_error_status
    reserved = {n for r in state.telnyx.reservations.values() if call.now < r.ends_at for n in r.phone_numbers}
    for number in wanted:
        if number not in state.telnyx.searched_at:
            return refused(status, "85000", pointer="/phone_numbers")
        if number in reserved:
            return refused(status, "85006", pointer="/phone_numbers")
        if number in state.telnyx.held(call.now) or number in config.telnyx.taken_numbers:
            return refused(status, "85001", pointer="/phone_numbers")
    reference = as_str(call.body.get("customer_reference"))
    reservation = Reservation(new_uuid(), wanted, reference, call.now, call.now + _RESERVED_FOR_S)
    state.telnyx.reservations[reservation.id] = reservation
    return Reply(200, {"data": _reservation(reservation, call.now)})


def get_reservation(state: State, _config: Config, call: Call) -> Reply:
    reservation = state.telnyx.reservations.get(call.path["id"])
    return Reply(200, {"data": _reservation(reservation, call.now)}) if reservation else missing()


def _reservation(reservation: Reservation, now: float) -> Obj:
    return {
        "id": reservation.id, "record_type": "number_reservation",
        "status": "success" if now < reservation.ends_at else "expired",
        "phone_numbers": [{"phone_number": n, "status": "success"} for n in reservation.phone_numbers],
        "customer_reference": reservation.customer_reference, "created_at": iso(reservation.created_at),
    }  # fmt: skip
