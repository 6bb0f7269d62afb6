"""Numbers that we own. Right after an order they cannot be seen; by `+` in a filter they cannot be found."""

from local.simulator.config import Config
from local.simulator.state import State
from local.simulator.telnyx.query import PAGE, bad_body, bad_query, missing, page, refused
from local.simulator.telnyx.store import Number
from local.simulator.wire import FLAG, LIST, TEXT, TEXT_OR_NULL, Call, Obj, Reply, Spec, as_list, as_str, iso

_FILTERS = (
    "filter[phone_number]", "filter[tag]", "filter[status]", "filter[customer_reference]", "filter[connection_id]",
    "filter[billing_group_id]", "filter[number_type][eq]", "filter[country_iso_alpha2]", "filter[source]", "sort",
    "handle_messaging_profile_error",
)  # fmt: skip
_PATCH: Spec = {
    "tags": LIST, "customer_reference": TEXT_OR_NULL, "connection_id": TEXT_OR_NULL,
    "billing_group_id": TEXT_OR_NULL, "external_pin": TEXT_OR_NULL, "address_id": TEXT_OR_NULL,
    "hd_voice_enabled": FLAG, "messaging_profile_id": TEXT_OR_NULL,
}  # fmt: skip


def shown(state: State, number: Number) -> Obj:
    profile = state.telnyx.profile(number.messaging_profile_id or "")
    return {
        "id": number.id, "record_type": "phone_number", "phone_number": number.phone_number,
        "status": "deleted" if number.deleted_at is not None else "active", "tags": number.tags,
        "customer_reference": number.customer_reference, "messaging_profile_id": number.messaging_profile_id,
        "messaging_profile_name": profile.name if profile else None, "connection_id": number.connection_id,
        "billing_group_id": number.billing_group_id, "external_pin": number.external_pin,
        "address_id": number.address_id, "hd_voice_enabled": number.hd_voice_enabled,
        "deletion_lock_enabled": number.deletion_lock_enabled, "country_iso_alpha2": "US",
        "phone_number_type": "local", "purchased_at": iso(number.active_at), "created_at": iso(number.active_at),
    }  # fmt: skip


def listing(state: State, config: Config, call: Call) -> Reply:
    problem = bad_query(call, (*_FILTERS, *PAGE))
    digits = call.param("filter[phone_number]")
    if problem is None and digits is not None and digits.isdecimal() and len(digits) < 3:
        problem = refused(400, "10015", "filter[phone_number] needs at least 3 digits")
    if problem is not None:
        return problem
    tag, status = call.param("filter[tag]"), call.param("filter[status]")
    found = [
        number for number in reversed(state.telnyx.numbers.values())
        if number.visible(call.now) and status in (None, "active") and (tag is None or tag in number.tags)
        and call.param("filter[customer_reference]") in (None, number.customer_reference)
        and call.param("filter[connection_id]") in (None, number.connection_id)
        and call.param("filter[billing_group_id]") in (None, number.billing_group_id)
        and call.param("filter[country_iso_alpha2]") in (None, "US")
        and call.param("filter[number_type][eq]") in (None, "local")
        and (digits is None or (digits.isdecimal() and digits in number.phone_number))
    ]  # fmt: skip
    return page(call, config.telnyx, found, lambda number: shown(state, number))


def _find(state: State, config: Config, call: Call) -> Number | None:
    return state.telnyx.find(call.path["id"], call.now, config.telnyx.e164_as_id)


def get(state: State, config: Config, call: Call) -> Reply:
    number = _find(state, config, call)
    return Reply(200, {"data": shown(state, number)}) if number else missing()


def patch(state: State, config: Config, call: Call) -> Reply:
    """Change what this endpoint changes; `messaging_profile_id` is taken without a word and without effect."""
    number = _find(state, config, call)
    if number is None:
        return missing()
    problem = bad_body(call, _PATCH)
    if problem is not None:
        return problem
    for name in ("customer_reference", "connection_id", "billing_group_id", "external_pin", "address_id"):
        if name in call.body:
            setattr(number, name, as_str(call.body[name]))
    if "tags" in call.body:
        number.tags = [str(tag) for tag in as_list(call.body["tags"])]
    if "hd_voice_enabled" in call.body:
        number.hd_voice_enabled = bool(call.body["hd_voice_enabled"])
    return Reply(200, {"data": shown(state, number)})


def delete(state: State, config: Config, call: Call) -> Reply:
    number = _find(state, config, call)
    if number is None:
        return missing()
    if number.deletion_lock_enabled:
        return refused(422, "10027", "Phone number has deletion lock enabled")
    number.deleted_at = call.now
    state.telnyx.released_at[number.phone_number] = call.now
    return Reply(200, {"data": shown(state, number)})


def _messaging(number: Number) -> Obj:
    return {
        "id": number.id, "record_type": "messaging_settings", "phone_number": number.phone_number,
        "messaging_profile_id": number.messaging_profile_id, "country_code": "US", "type": "longcode",
        "created_at": iso(number.active_at),
    }  # fmt: skip


def list_messaging(state: State, config: Config, call: Call) -> Reply:
    problem = bad_query(call, ("filter[messaging_profile_id]", *PAGE))
    if problem is not None:
        return problem
    wanted = call.param("filter[messaging_profile_id]")
    found = [
        number for number in reversed(state.telnyx.numbers.values())
        if number.visible(call.now) and wanted in (None, number.messaging_profile_id)
    ]  # fmt: skip
    return page(call, config.telnyx, found, _messaging)


def get_messaging(state: State, config: Config, call: Call) -> Reply:
    number = _find(state, config, call)
    return Reply(200, {"data": _messaging(number)}) if number else missing()


def patch_messaging(state: State, config: Config, call: Call) -> Reply:
    """Assign a messaging profile; the empty string takes it away."""
    number = _find(state, config, call)
    if number is None:
        return missing()
    problem = bad_body(call, {"messaging_profile_id": TEXT, "messaging_product": TEXT})
    if problem is not None:
        return problem
    profile = as_str(call.body.get("messaging_profile_id"))
    if profile and state.telnyx.profile(profile) is None:
        return refused(config.telnyx.number_error_status, "85005", pointer="/messaging_profile_id")
    if profile is not None:
        number.messaging_profile_id = profile or None
    return Reply(200, {"data": _messaging(number)})
