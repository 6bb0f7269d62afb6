"""Search of numbers for sale, and reservations. A search reserves nothing: all clients get the same numbers."""

from collections.abc import Callable

from local.simulator.config import Config
from local.simulator.http.messages import LIST, TEXT_OR_NULL, ApiCall, Obj, Reply, as_list, as_obj, as_str, to_iso
from local.simulator.state.store import State
from local.simulator.state.telnyx import NumberReservation, new_uuid
from local.simulator.telnyx.number_pool import find_rate_center, iter_numbers_for_sale
from local.simulator.telnyx.replies import error_reply, not_found_reply, validate_body, validate_query

_FILTERS = tuple(
    f"filter[{name}]" for name in (
        "country_code", "features][", "features", "phone_number_type", "limit", "national_destination_code",
        "locality", "administrative_area", "rate_center", "phone_number][starts_with", "phone_number][ends_with",
        "phone_number][contains", "best_effort", "quickship", "reservable", "exclude_held_numbers",
    )
)  # fmt: skip
_RESERVATION_S = 1800.0
_DEFAULT_LIMIT = 100


def _serialize_available(phone_number: str) -> Obj:
    rate_center = find_rate_center(phone_number)
    regions = [{"region_type": "country_code", "region_name": "US"}]
    if rate_center is not None:
        regions.append({"region_type": "state", "region_name": rate_center.state})
        regions.append({"region_type": "rate_center", "region_name": rate_center.locality})
    return {
        "record_type": "available_phone_number", "phone_number": phone_number, "best_effort": False,
        "quickship": True, "reservable": True, "vanity_format": "",
        "features": [{"name": "sms"}, {"name": "mms"}, {"name": "voice"}], "region_information": regions,
        "cost_information": {"currency": "USD", "monthly_cost": "1.00", "upfront_cost": "1.00"},
    }  # fmt: skip


def _matches_filters(call: ApiCall, phone_number: str) -> bool:
    rate_center = find_rate_center(phone_number)
    national = phone_number.removeprefix("+1")
    checks: dict[str, Callable[[str], bool]] = {
        "filter[national_destination_code]": lambda v: national[:3] == v,
        "filter[locality]": lambda v: rate_center is not None and rate_center.locality.lower() == v.lower(),
        "filter[rate_center]": lambda v: rate_center is not None and rate_center.locality.lower() == v.lower(),
        "filter[administrative_area]": lambda v: rate_center is not None and rate_center.state == v.upper(),
        "filter[phone_number][starts_with]": lambda v: national.startswith(v) or phone_number.startswith(v),
        "filter[phone_number][ends_with]": national.endswith,
        "filter[phone_number][contains]": lambda v: v in national,
    }
    return all(check(value) for name, check in checks.items() if (value := call.param(name)) is not None)


def search(state: State, config: Config, call: ApiCall) -> Reply:
    """Search numbers for sale; only US local numbers exist. Only numbers that a search has returned can be ordered."""
    error = validate_query(call, _FILTERS)
    limit = call.param("filter[limit]") or str(_DEFAULT_LIMIT)
    if error is None and (not limit.isdecimal() or int(limit) < 1):
        error = error_reply(400, "10015", "filter[limit] must be a positive integer")
    if error is not None:
        return error
    has_stock = call.param("filter[country_code]") in (None, "US")
    has_stock = has_stock and call.param("filter[phone_number_type]") in (None, "local")
    numbers = _find_available(state, config, call, int(limit)) if has_stock else []
    for phone_number in numbers:
        state.telnyx.searched_at[phone_number] = call.now
    meta = {"total_results": len(numbers), "best_effort_results": 0}
    return Reply(200, {"data": [_serialize_available(number) for number in numbers], "meta": meta, "metadata": meta})


def _find_available(state: State, config: Config, call: ApiCall, limit: int) -> list[str]:
    """Find numbers for sale, the account's recently released ones first: Telnyx returns them while they are on hold."""
    telnyx, settings = state.telnyx, config.telnyx
    unavailable = telnyx.list_owned_numbers(call.now) | set(settings.taken_numbers)
    reserved = {n for r in telnyx.reservations.values() if call.now < r.ends_at for n in r.phone_numbers}
    on_hold = [n for n, at in telnyx.released_at.items() if call.now < at + settings.release_hold_s]
    candidates = [] if call.param("filter[exclude_held_numbers]") == "true" else list(on_hold)
    found: list[str] = []
    for source in (candidates, iter_numbers_for_sale()):
        for number in source:
            if len(found) >= limit:
                return found
            is_available = number not in unavailable and number not in reserved and number not in found
            if is_available and (source is candidates or number not in on_hold) and _matches_filters(call, number):
                found.append(number)
    return found


def create_reservation(state: State, config: Config, call: ApiCall) -> Reply:
    """Reserve numbers from an earlier search for 30 minutes."""
    error = validate_body(call, {"phone_numbers": LIST, "customer_reference": TEXT_OR_NULL}, ("phone_numbers",))
    if error is not None:
        return error
    wanted = [as_str(as_obj(entry).get("phone_number")) or "" for entry in as_list(call.body["phone_numbers"])]
    if not wanted:
        return error_reply(422, "10027", "phone_numbers must not be empty", "/phone_numbers")
    status = config.telnyx.number_error_status
    reserved = {n for r in state.telnyx.reservations.values() if call.now < r.ends_at for n in r.phone_numbers}
    for number in wanted:
        if number not in state.telnyx.searched_at:
            return error_reply(status, "85000", pointer="/phone_numbers")
        if number in reserved:
            return error_reply(status, "85006", pointer="/phone_numbers")
        if number in state.telnyx.list_owned_numbers(call.now) or number in config.telnyx.taken_numbers:
            return error_reply(status, "85001", pointer="/phone_numbers")
    reference = as_str(call.body.get("customer_reference"))
    reservation = NumberReservation(new_uuid(), wanted, reference, call.now, call.now + _RESERVATION_S)
    state.telnyx.reservations[reservation.id] = reservation
    return Reply(200, {"data": _serialize_reservation(reservation, call.now)})


def get_reservation(state: State, _config: Config, call: ApiCall) -> Reply:
    """Return a reservation; its status turns to `expired` after 30 minutes."""
    reservation = state.telnyx.reservations.get(call.path_params["id"])
    return Reply(200, {"data": _serialize_reservation(reservation, call.now)}) if reservation else not_found_reply()


def _serialize_reservation(reservation: NumberReservation, now: float) -> Obj:
    return {
        "id": reservation.id, "record_type": "number_reservation",
        "status": "success" if now < reservation.ends_at else "expired",
        "phone_numbers": [{"phone_number": n, "status": "success"} for n in reservation.phone_numbers],
        "customer_reference": reservation.customer_reference, "created_at": to_iso(reservation.created_at),
    }  # fmt: skip
