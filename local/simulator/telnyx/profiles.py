"""Messaging profiles: names are not unique, and `whitelisted_destinations` is required."""

from dataclasses import asdict

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
    to_iso,
)
from local.simulator.state.store import State
from local.simulator.state.telnyx import MessagingProfile, new_uuid
from local.simulator.telnyx.replies import (
    PAGE_PARAMS,
    error_reply,
    not_found_reply,
    page_reply,
    validate_body,
    validate_query,
)

_FIELDS: FieldTypes = {
    "name": TEXT, "whitelisted_destinations": LIST, "webhook_url": TEXT_OR_NULL, "webhook_failover_url": TEXT_OR_NULL,
    "enabled": FLAG, "webhook_api_version": TEXT, "daily_spend_limit": TEXT_OR_NULL,
    "daily_spend_limit_enabled": FLAG,
}  # fmt: skip


def _serialize_profile(profile: MessagingProfile) -> Obj:
    fields = {name: value for name, value in asdict(profile).items() if name != "deleted_at"}
    times = {"created_at": to_iso(profile.created_at), "updated_at": to_iso(profile.updated_at or profile.created_at)}
    return {"record_type": "messaging_profile", **fields, **times}


def _validate_profile(call: ApiCall, required: tuple[str, ...] = ()) -> Reply | None:
    if required and "name" in call.body and not as_list(call.body.get("whitelisted_destinations")):
        return error_reply(422, "40331", pointer="/whitelisted_destinations")
    error = validate_body(call, _FIELDS, required)
    if error is None and call.body.get("name") == "":
        error = error_reply(422, "10027", "name must not be empty", "/name")
    if error is None and call.body.get("webhook_api_version", "2") not in ("1", "2"):
        error = error_reply(422, "10027", "webhook_api_version must be 1 or 2", "/webhook_api_version")
    return error


def _apply_body(profile: MessagingProfile, body: Obj) -> None:
    for name, value in body.items():
        texts = [str(entry) for entry in as_list(value)]
        setattr(profile, name, texts if name == "whitelisted_destinations" else value)


def create(state: State, config: Config, call: ApiCall) -> Reply:
    """Create a profile; a retry creates a second one with the same name."""
    error = _validate_profile(call, ("name", "whitelisted_destinations"))
    if error is not None:
        return error
    profile = MessagingProfile(new_uuid(), "", call.now, [])
    _apply_body(profile, call.body)
    state.telnyx.profiles[profile.id] = profile
    return Reply(config.telnyx.profile_create_status, {"data": _serialize_profile(profile)})


def list_profiles(state: State, config: Config, call: ApiCall) -> Reply:
    """List live profiles, newest first; the name filter matches exactly."""
    error = validate_query(call, ("filter[name]", "filter[name][eq]", *PAGE_PARAMS))
    if error is not None:
        return error
    name = call.param("filter[name][eq]") or call.param("filter[name]")
    live = [p for p in reversed(state.telnyx.profiles.values()) if p.deleted_at is None]
    return page_reply(call, config.telnyx, [p for p in live if name in (None, p.name)], _serialize_profile)


def get(state: State, _config: Config, call: ApiCall) -> Reply:
    """Return a live profile by its id."""
    profile = state.telnyx.find_profile(call.path_params["id"])
    return Reply(200, {"data": _serialize_profile(profile)}) if profile else not_found_reply()


def patch(state: State, _config: Config, call: ApiCall) -> Reply:
    """Update a live profile; fields that are absent from the body keep their value."""
    profile = state.telnyx.find_profile(call.path_params["id"])
    if profile is None:
        return not_found_reply()
    error = _validate_profile(call)
    if error is not None:
        return error
    _apply_body(profile, call.body)
    profile.updated_at = call.now
    return Reply(200, {"data": _serialize_profile(profile)})


def delete(state: State, _config: Config, call: ApiCall) -> Reply:
    """Delete a profile; numbers keep its id as their `messaging_profile_id`."""
    profile = state.telnyx.find_profile(call.path_params["id"])
    if profile is None:
        return not_found_reply()
    profile.deleted_at = call.now
    return Reply(200, {"data": _serialize_profile(profile)})
