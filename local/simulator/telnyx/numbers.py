"""Owned numbers. A new number is hidden for a while, and a `+` in `filter[phone_number]` matches nothing."""

from local.simulator.config import Config
from local.simulator.http.messages import (
    FLAG,
    LIST,
    TEXT,
    TEXT_OR_NULL,
    ApiCall,
    FieldTypes,
    Obj,
    Reply,
    as_list,
    as_str,
    to_iso,
)
from local.simulator.state.store import State
from local.simulator.state.telnyx import PhoneNumber
from local.simulator.telnyx.replies import (
    PAGE_PARAMS,
    error_reply,
    not_found_reply,
    page_reply,
    validate_body,
    validate_query,
)

_FILTERS = (
    "filter[phone_number]", "filter[tag]", "filter[status]", "filter[customer_reference]", "filter[connection_id]",
    "filter[billing_group_id]", "filter[number_type][eq]", "filter[country_iso_alpha2]", "filter[source]", "sort",
    "handle_messaging_profile_error",
)  # fmt: skip
_PATCH_FIELDS: FieldTypes = {
    "tags": LIST, "customer_reference": TEXT_OR_NULL, "connection_id": TEXT_OR_NULL,
    "billing_group_id": TEXT_OR_NULL, "external_pin": TEXT_OR_NULL, "address_id": TEXT_OR_NULL,
    "hd_voice_enabled": FLAG, "messaging_profile_id": TEXT_OR_NULL,
}  # fmt: skip


def serialize_number(state: State, number: PhoneNumber) -> Obj:
    """Serialize an owned number as `/phone_numbers` returns it."""
    profile = state.telnyx.find_profile(number.messaging_profile_id or "")
    return {
        "id": number.id, "record_type": "phone_number", "phone_number": number.phone_number,
        "status": "deleted" if number.deleted_at is not None else "active", "tags": number.tags,
        "customer_reference": number.customer_reference, "messaging_profile_id": number.messaging_profile_id,
        "messaging_profile_name": profile.name if profile else None, "connection_id": number.connection_id,
        "billing_group_id": number.billing_group_id, "external_pin": number.external_pin,
        "address_id": number.address_id, "hd_voice_enabled": number.hd_voice_enabled,
        "deletion_lock_enabled": number.deletion_lock_enabled, "country_iso_alpha2": "US",
        "phone_number_type": "local", "purchased_at": to_iso(number.active_at), "created_at": to_iso(number.active_at),
    }  # fmt: skip


def list_numbers(state: State, config: Config, call: ApiCall) -> Reply:
    """List visible numbers, newest first; `filter[phone_number]` matches a substring of digits."""
    error = validate_query(call, (*_FILTERS, *PAGE_PARAMS))
    digits = call.param("filter[phone_number]")
    if error is None and digits is not None and digits.isdecimal() and len(digits) < 3:
        error = error_reply(400, "10015", "filter[phone_number] needs at least 3 digits")
    if error is not None:
        return error
    tag, status = call.param("filter[tag]"), call.param("filter[status]")
    found = [
        number for number in reversed(state.telnyx.numbers.values())
        if number.is_visible(call.now) and status in (None, "active") and (tag is None or tag in number.tags)
        and call.param("filter[customer_reference]") in (None, number.customer_reference)
        and call.param("filter[connection_id]") in (None, number.connection_id)
        and call.param("filter[billing_group_id]") in (None, number.billing_group_id)
        and call.param("filter[country_iso_alpha2]") in (None, "US")
        and call.param("filter[number_type][eq]") in (None, "local")
        and (digits is None or (digits.isdecimal() and digits in number.phone_number))
    ]  # fmt: skip
    return page_reply(call, config.telnyx, found, lambda number: serialize_number(state, number))


def _find_number(state: State, config: Config, call: ApiCall) -> PhoneNumber | None:
    return state.telnyx.find_visible(call.path_params["id"], call.now, config.telnyx.e164_as_id)


def get(state: State, config: Config, call: ApiCall) -> Reply:
    """Return a visible number by its id, or by E.164 if configured."""
    number = _find_number(state, config, call)
    return Reply(200, {"data": serialize_number(state, number)}) if number else not_found_reply()


def patch(state: State, config: Config, call: ApiCall) -> Reply:
    """Update a number; `messaging_profile_id` is accepted and ignored."""
    number = _find_number(state, config, call)
    if number is None:
        return not_found_reply()
    error = validate_body(call, _PATCH_FIELDS)
    if error is not None:
        return error
    for name in ("customer_reference", "connection_id", "billing_group_id", "external_pin", "address_id"):
        if name in call.body:
            setattr(number, name, as_str(call.body[name]))
    if "tags" in call.body:
        number.tags = [str(tag) for tag in as_list(call.body["tags"])]
    if "hd_voice_enabled" in call.body:
        number.hd_voice_enabled = bool(call.body["hd_voice_enabled"])
    return Reply(200, {"data": serialize_number(state, number)})


def delete(state: State, config: Config, call: ApiCall) -> Reply:
    """Release a number; 422 while its deletion lock is set."""
    number = _find_number(state, config, call)
    if number is None:
        return not_found_reply()
    if number.deletion_lock_enabled:
        return error_reply(422, "10027", "Phone number has deletion lock enabled")
    number.deleted_at = call.now
    state.telnyx.released_at[number.phone_number] = call.now
    return Reply(200, {"data": serialize_number(state, number)})


def _serialize_messaging(number: PhoneNumber) -> Obj:
    return {
        "id": number.id, "record_type": "messaging_settings", "phone_number": number.phone_number,
        "messaging_profile_id": number.messaging_profile_id, "country_code": "US", "type": "longcode",
        "created_at": to_iso(number.active_at),
    }  # fmt: skip


def list_messaging(state: State, config: Config, call: ApiCall) -> Reply:
    """List the messaging settings of visible numbers, newest first, optionally of one messaging profile."""
    error = validate_query(call, ("filter[messaging_profile_id]", *PAGE_PARAMS))
    if error is not None:
        return error
    profile_id = call.param("filter[messaging_profile_id]")
    found = [
        number for number in reversed(state.telnyx.numbers.values())
        if number.is_visible(call.now) and profile_id in (None, number.messaging_profile_id)
    ]  # fmt: skip
    return page_reply(call, config.telnyx, found, _serialize_messaging)


def get_messaging(state: State, config: Config, call: ApiCall) -> Reply:
    """Return a visible number's messaging settings."""
    number = _find_number(state, config, call)
    return Reply(200, {"data": _serialize_messaging(number)}) if number else not_found_reply()


def patch_messaging(state: State, config: Config, call: ApiCall) -> Reply:
    """Assign a messaging profile; the empty string removes it."""
    number = _find_number(state, config, call)
    if number is None:
        return not_found_reply()
    error = validate_body(call, {"messaging_profile_id": TEXT, "messaging_product": TEXT})
    if error is not None:
        return error
    profile_id = as_str(call.body.get("messaging_profile_id"))
    if profile_id and state.telnyx.find_profile(profile_id) is None:
        return error_reply(config.telnyx.number_error_status, "85005", pointer="/messaging_profile_id")
    if profile_id is not None:
        number.messaging_profile_id = profile_id or None
    return Reply(200, {"data": _serialize_messaging(number)})
