"""Messaging profiles: names are not unique, and destinations must be named."""

from dataclasses import asdict

from local.simulator.config import Config
from local.simulator.state import State
from local.simulator.telnyx.query import PAGE, bad_body, bad_query, missing, page, refused
from local.simulator.telnyx.store import Profile, new_uuid
from local.simulator.wire import FLAG, LIST, TEXT, TEXT_OR_NULL, Call, Obj, Reply, Spec, as_list, iso

_FIELDS: Spec = {
    "name": TEXT, "whitelisted_destinations": LIST, "webhook_url": TEXT_OR_NULL, "webhook_failover_url": TEXT_OR_NULL,
    "enabled": FLAG, "webhook_api_version": TEXT, "daily_spend_limit": TEXT_OR_NULL,
    "daily_spend_limit_enabled": FLAG,
}  # fmt: skip


def _shown(profile: Profile) -> Obj:
    about = {name: value for name, value in asdict(profile).items() if name != "deleted_at"}
    times = {"created_at": iso(profile.created_at), "updated_at": iso(profile.updated_at or profile.created_at)}
    return {"record_type": "messaging_profile", **about, **times}


def _problem(call: Call, required: tuple[str, ...] = ()) -> Reply | None:
    if required and "name" in call.body and not as_list(call.body.get("whitelisted_destinations")):
        return refused(422, "40331", pointer="/whitelisted_destinations")
    problem = bad_body(call, _FIELDS, required)
    if problem is None and call.body.get("name") == "":
        problem = refused(422, "10027", "name must not be empty", "/name")
    if problem is None and call.body.get("webhook_api_version", "2") not in ("1", "2"):
        problem = refused(422, "10027", "webhook_api_version must be 1 or 2", "/webhook_api_version")
    return problem


def _apply(profile: Profile, body: Obj) -> None:
    for name, value in body.items():
        texts = [str(entry) for entry in as_list(value)]
        setattr(profile, name, texts if name == "whitelisted_destinations" else value)


def create(state: State, config: Config, call: Call) -> Reply:
    problem = _problem(call, ("name", "whitelisted_destinations"))
    if problem is not None:
        return problem
    profile = Profile(new_uuid(), "", call.now, [])
    _apply(profile, call.body)
    state.telnyx.profiles[profile.id] = profile
    return Reply(config.telnyx.profile_create_status, {"data": _shown(profile)})


def listing(state: State, config: Config, call: Call) -> Reply:
    problem = bad_query(call, ("filter[name]", "filter[name][eq]", *PAGE))
    if problem is not None:
        return problem
    name = call.param("filter[name][eq]") or call.param("filter[name]")
    live = [p for p in reversed(state.telnyx.profiles.values()) if p.deleted_at is None]
    return page(call, config.telnyx, [p for p in live if name in (None, p.name)], _shown)


def get(state: State, _config: Config, call: Call) -> Reply:
    profile = state.telnyx.profile(call.path["id"])
    return Reply(200, {"data": _shown(profile)}) if profile else missing()


def patch(state: State, _config: Config, call: Call) -> Reply:
    profile = state.telnyx.profile(call.path["id"])
    if profile is None:
        return missing()
    problem = _problem(call)
    if problem is not None:
        return problem
    _apply(profile, call.body)
    profile.updated_at = call.now
    return Reply(200, {"data": _shown(profile)})


def delete(state: State, _config: Config, call: Call) -> Reply:
    profile = state.telnyx.profile(call.path["id"])
    if profile is None:
        return missing()
    profile.deleted_at = call.now
    return Reply(200, {"data": _shown(profile)})
