"""Number orders: pending first, then success or failure. Creation is not idempotent."""

from datetime import datetime

from local.simulator.config import Config
from local.simulator.http.messages import (
    LIST,
    TEXT,
    TEXT_OR_NULL,
    ApiCall,
    FieldTypes,
    Obj,
    Reply,
    as_list,
    as_obj,
    as_str,
    to_iso,
)
from local.simulator.http.provider_errors import ErrorDetails, telnyx_error
from local.simulator.state.store import State
from local.simulator.state.telnyx import (
    MONTHLY_USD,
    UPFRONT_USD,
    NumberOrder,
    OrderedNumber,
    new_number,
    new_uuid,
)
from local.simulator.telnyx.replies import (
    PAGE_PARAMS,
    error_reply,
    not_found_reply,
    page_reply,
    validate_body,
    validate_query,
)

_CREATE_FIELDS: FieldTypes = {
    "phone_numbers": LIST, "messaging_profile_id": TEXT, "customer_reference": TEXT_OR_NULL, "connection_id": TEXT,
    "billing_group_id": TEXT,
}  # fmt: skip
_FILTERS = (
    "filter[status]", "filter[created_at][gt]", "filter[created_at][lt]", "filter[phone_numbers_count]",
    "filter[customer_reference]", "filter[requirements_met]",
)  # fmt: skip


def serialize_order(order: NumberOrder, now: float, with_numbers: bool = True) -> Obj:
    """Serialize an order with its status at `now`; Telnyx's list omits `phone_numbers`."""
    status = order.status_at(now)
    result: Obj = {
        "id": order.id, "record_type": "number_order", "status": status,
        "customer_reference": order.customer_reference, "messaging_profile_id": order.messaging_profile_id,
        "connection_id": order.connection_id, "billing_group_id": order.billing_group_id,
        "phone_numbers_count": len(order.numbers), "sub_number_orders_ids": [order.sub_order_id],
        "requirements_met": True, "created_at": to_iso(order.created_at),
        "updated_at": to_iso(order.updated_at or order.created_at),
    }  # fmt: skip
    if with_numbers:
        result["phone_numbers"] = [
            {
                "id": number.id, "record_type": "number_order_phone_number", "phone_number": number.phone_number,
                "status": "pending" if status == "pending" else "failure" if number.failed else "success",
                "requirements_met": True, "requirements_status": "approved", "country_code": "US",
                "phone_number_type": "local",
            }
            for number in order.numbers
        ]  # fmt: skip
    return result


def create(state: State, config: Config, call: ApiCall) -> Reply:
    """Order numbers that a search has returned; a retry creates another order or fails with a conflict."""
    settings, telnyx = config.telnyx, state.telnyx
    error = validate_body(call, _CREATE_FIELDS, ("phone_numbers",))
    if error is not None:
        return error
    entries = [as_obj(entry) for entry in as_list(call.body["phone_numbers"])]
    wanted = [as_str(entry.get("phone_number")) for entry in entries]
    if not wanted or any(set(entry) - {"phone_number", "requirement_group_id"} for entry in entries):
        return error_reply(422, "10027", "phone_numbers is a list of {phone_number}", "/phone_numbers")
    numbers = [number for number in wanted if number is not None]
    if len(numbers) != len(wanted) or len(set(numbers)) != len(numbers):
        return error_reply(422, "10027", "phone_number is required, once each", "/phone_numbers")
    conflict = _validate_order(state, config, call, numbers)
    if conflict is not None:
        return conflict
    ends_at = call.now + settings.order_seconds
    profile, reference = as_str(call.body.get("messaging_profile_id")), as_str(call.body.get("customer_reference"))
    order = NumberOrder(new_uuid(), call.now, ends_at, [], new_uuid(), reference, profile)
    for phone_number in numbers:
        failed = settings.order_end == "failure" or phone_number in settings.failing_numbers
        # The id of a number within an order differs from the owned number's id.
        order.numbers.append(OrderedNumber(new_uuid(), phone_number, failed))
        number = new_number(phone_number, call.now, ends_at, ends_at + settings.number_lag_s)
        number.order_id, number.failed, number.messaging_profile_id = order.id, failed, profile
        number.customer_reference = reference if settings.copy_customer_reference else None
        telnyx.numbers[number.id] = number
        telnyx.released_at.pop(phone_number, None)
        if not failed:
            telnyx.spent_usd += MONTHLY_USD + UPFRONT_USD
    telnyx.orders[order.id] = order
    return Reply(200, {"data": serialize_order(order, call.now)})


def _validate_order(state: State, config: Config, call: ApiCall, numbers: list[str]) -> Reply | None:
    settings, telnyx = config.telnyx, state.telnyx
    status = settings.number_error_status
    for phone_number in numbers:
        searched = telnyx.searched_at.get(phone_number)
        if searched is None or call.now > searched + settings.search_valid_s:
            return error_reply(status, "85000", pointer="/phone_numbers")
        if phone_number in settings.taken_numbers:
            return error_reply(status, "85001", pointer="/phone_numbers")
        if telnyx.find_owned(phone_number, call.now) is not None:
            code = settings.already_ours_code
            return error_reply(409 if code == "10012" else status, code, pointer="/phone_numbers")
    profile = as_str(call.body.get("messaging_profile_id"))
    if profile is not None and telnyx.find_profile(profile) is None:
        return error_reply(status, "85005", pointer="/messaging_profile_id")
    if "connection_id" in call.body:
        return error_reply(status, "85004", pointer="/connection_id")  # the simulator has no connections
    cost = len(numbers) * (MONTHLY_USD + UPFRONT_USD)
    if settings.balance_usd is not None and telnyx.spent_usd + cost > settings.balance_usd:
        return telnyx_error(ErrorDetails(settings.funds_status, code="20100"))
    return None


def list_orders(state: State, config: Config, call: ApiCall) -> Reply:
    """List orders, newest first; all filters match exactly but the `created_at` bounds, which are exclusive."""
    error = validate_query(call, (*_FILTERS, *PAGE_PARAMS))
    if error is not None:
        return error
    after, before = _parse_timestamp(call, "filter[created_at][gt]"), _parse_timestamp(call, "filter[created_at][lt]")
    if after is False or before is False:
        return error_reply(400, "10015", "filter[created_at] must be ISO 8601")
    found = [
        order for order in reversed(state.telnyx.orders.values())
        if call.param("filter[status]") in (None, order.status_at(call.now))
        and call.param("filter[customer_reference]") in (None, order.customer_reference)
        and call.param("filter[phone_numbers_count]") in (None, str(len(order.numbers)))
        and call.param("filter[requirements_met]") in (None, "true")
        and (after is None or order.created_at > after) and (before is None or order.created_at < before)
    ]  # fmt: skip
    with_numbers = config.telnyx.list_orders_with_numbers
    return page_reply(call, config.telnyx, found, lambda order: serialize_order(order, call.now, with_numbers))


def _parse_timestamp(call: ApiCall, name: str) -> float | bool | None:
    """Parse an ISO 8601 query parameter to epoch seconds; None when it is absent, False when it is invalid."""
    text = call.param(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return False


def get(state: State, _config: Config, call: ApiCall) -> Reply:
    """Return an order with its numbers, whose ids are not those of the owned numbers."""
    order = state.telnyx.orders.get(call.path_params["id"])
    return Reply(200, {"data": serialize_order(order, call.now)}) if order else not_found_reply()


def patch(state: State, _config: Config, call: ApiCall) -> Reply:
    """Update an order's `customer_reference`; the numbers keep theirs."""
    order = state.telnyx.orders.get(call.path_params["id"])
    if order is None:
        return not_found_reply()
    error = validate_body(call, {"customer_reference": TEXT_OR_NULL})
    if error is not None:
        return error
    if "customer_reference" in call.body:
        order.customer_reference, order.updated_at = as_str(call.body["customer_reference"]), call.now
    return Reply(200, {"data": serialize_order(order, call.now)})
