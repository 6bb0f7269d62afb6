"""OpenRouter's management API: keys and credits. Inference would be further rows of the same table."""

import re
from dataclasses import dataclass
from datetime import datetime

from local.simulator.config import Config, OpenRouterConfig
from local.simulator.limiter import Limiter
from local.simulator.openrouter_state import DEFAULT_WORKSPACE, OTHER_WORKSPACE, Key, new_key
from local.simulator.rest import Operation, bearer
from local.simulator.shape import Failure, openrouter_failure
from local.simulator.state import State
from local.simulator.wire import (
    FLAG,
    NUMBER_OR_NULL,
    OBJECT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    Call,
    Obj,
    Reply,
    Spec,
    as_str,
    body_problems,
    iso,
    query_problems,
)

_CREATE: Spec = {
    "name": TEXT, "limit": NUMBER_OR_NULL, "limit_reset": TEXT_OR_NULL, "include_byok_in_limit": FLAG,
    "expires_at": TEXT_OR_NULL, "creator_user_id": TEXT_OR_NULL, "workspace_id": TEXT, "external": OBJECT_OR_NULL,
}  # fmt: skip
_PATCH: Spec = {
    "name": TEXT, "disabled": FLAG, "limit": NUMBER_OR_NULL, "limit_reset": TEXT_OR_NULL,
    "include_byok_in_limit": FLAG, "workspace_id": TEXT,
}  # fmt: skip
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_WORKSPACES = (DEFAULT_WORKSPACE, OTHER_WORKSPACE)
_FLAGS = {"true": True, "false": False}


def _refused(message: str, status: int = 400) -> Reply:
    return openrouter_failure(Failure(status, message))


def shown(key: Key) -> Obj:
    """A key as every answer shows it: never with its secret."""
    remaining = None if key.limit is None else max(0.0, key.limit - key.usage)
    usage: Obj = {
        f"{prefix}usage{period}": key.usage if not prefix else 0
        for prefix in ("", "byok_") for period in ("", "_daily", "_weekly", "_monthly")
    }  # fmt: skip
    return {
        "hash": key.hash, "name": key.name, "label": key.label, "disabled": key.disabled, "limit": key.limit,
        "limit_remaining": remaining, "limit_reset": key.limit_reset,
        "include_byok_in_limit": key.include_byok_in_limit, **usage, "created_at": iso(key.created_at),
        "updated_at": iso(key.updated_at), "expires_at": key.expires_text, "creator_user_id": key.creator_user_id,
        "workspace_id": key.workspace_id, "external_user": None, "last_used_at": None,
    }  # fmt: skip


def _problem(body: Obj, spec: Spec, required: tuple[str, ...] = ()) -> str | None:
    for field, message in body_problems(body, spec, required):
        return f"{field} {message}"
    if body.get("name") == "":
        return "name must have at least 1 character"
    limit = body.get("limit")
    if isinstance(limit, (int, float)) and limit < 0:
        return "limit must not be negative"
    if body.get("limit_reset") not in (None, "daily", "weekly", "monthly"):
        return "limit_reset must be daily, weekly, monthly or null"
    expires = body.get("expires_at")
    if isinstance(expires, str) and not _SECONDS.fullmatch(expires):
        return "expires_at must be ISO 8601 in UTC with seconds"
    if body.get("workspace_id", DEFAULT_WORKSPACE) not in _WORKSPACES:
        return "Workspace not found"
    return None


def _apply(key: Key, body: Obj) -> None:
    key.name = as_str(body.get("name")) or key.name
    key.disabled = bool(body.get("disabled", key.disabled))
    if "limit" in body:
        limit = body["limit"]
        key.limit = limit if isinstance(limit, (int, float)) else None
    if "limit_reset" in body:
        key.limit_reset = as_str(body["limit_reset"])
    key.include_byok_in_limit = bool(body.get("include_byok_in_limit", key.include_byok_in_limit))
    key.workspace_id = as_str(body.get("workspace_id")) or key.workspace_id


def create(state: State, _config: Config, call: Call) -> Reply:
    problem = _problem(call.body, _CREATE, ("name",))
    if problem:
        return _refused(problem)
    if call.body.get("external") is not None:
        return _refused("External keys are available to partners only", 403)
    key = new_key(str(call.body["name"]), call.now)
    _apply(key, call.body)
    key.creator_user_id = as_str(call.body.get("creator_user_id")) or "user_simulated"
    key.expires_text = as_str(call.body.get("expires_at"))
    if key.expires_text:
        key.expires_at = datetime.fromisoformat(key.expires_text).timestamp()
    state.openrouter.keys[key.hash] = key
    return Reply(201, {"data": shown(key), "key": key.secret})


def listing(state: State, config: Config, call: Call) -> Reply:
    """Newest first, by offset, without a total; disabled, expired and other workspaces' keys only when asked for."""
    problems = query_problems(call.query, ("offset", "include_disabled", "include_expired", "workspace_id"))
    if problems:
        return _refused(f"{problems[0][0]} {problems[0][1]}")
    offset = call.param("offset") or "0"
    disabled = _FLAGS.get(call.param("include_disabled") or "false")
    expired = _FLAGS.get(call.param("include_expired") or "false")
    workspace = call.param("workspace_id") or DEFAULT_WORKSPACE
    if not offset.isdecimal() or disabled is None or expired is None or workspace not in _WORKSPACES:
        return _refused("Invalid query parameter")
    found = [
        key for key in state.openrouter.live()
        if key.workspace_id == workspace and (disabled or not key.disabled)
        and (expired or key.expires_at is None or key.expires_at > call.now)
        and call.now >= key.created_at + config.openrouter.list_lag_s
    ]  # fmt: skip
    found.sort(key=lambda key: key.created_at, reverse=True)
    page = found[int(offset) : int(offset) + config.openrouter.page_size]
    return Reply(200, {"data": [shown(key) for key in page]})


def _live(state: State, call: Call) -> Key | None:
    key = state.openrouter.keys.get(call.path["hash"])
    return key if key is not None and key.deleted_at is None else None


def get(state: State, _config: Config, call: Call) -> Reply:
    key = _live(state, call)
    return Reply(200, {"data": shown(key)}) if key else openrouter_failure(Failure(404))


def patch(state: State, _config: Config, call: Call) -> Reply:
    key = _live(state, call)
    if key is None:
        return openrouter_failure(Failure(404))
    problem = _problem(call.body, _PATCH)
    if problem:
        return _refused(problem)
    _apply(key, call.body)
    key.updated_at = call.now
    return Reply(200, {"data": shown(key)})


def delete(state: State, _config: Config, call: Call) -> Reply:
    key = _live(state, call)
    if key is None:
        return openrouter_failure(Failure(404))
    key.deleted_at = call.now
    return Reply(200, {"deleted": True})


def current(state: State, _config: Config, call: Call) -> Reply:
    """What the key of this very request is; the one management-side route that inference keys may use."""
    token = bearer(call) or ""
    key = state.openrouter.by_secret(token)
    if key is not None and (key.deleted_at is not None or key.disabled):
        return _refused("Invalid credentials", 401)
    about = key or Key("", "management", token, call.now)
    data = {name: value for name, value in shown(about).items() if name in (
        "label", "limit", "limit_remaining", "usage", "limit_reset", "include_byok_in_limit", "expires_at",
    )}  # fmt: skip
    extra: Obj = {"is_free_tier": False, "is_management_key": key is None, "rate_limit": {"requests": -1}}
    return Reply(200, {"data": data | extra})


def credits(_state: State, config: Config, _call: Call) -> Reply:
    settings = config.openrouter
    return Reply(200, {"data": {"total_credits": settings.total_credits, "total_usage": settings.total_usage}})


@dataclass(frozen=True)
class OpenRouter:
    name: str = "openrouter"
    base: str = "/openrouter/api/v1"
    operations: tuple[Operation, ...] = (
        Operation("keys.list", "GET", "/keys", listing),
        Operation("keys.create", "POST", "/keys", create),
        Operation("keys.get", "GET", "/keys/{hash}", get),
        Operation("keys.update", "PATCH", "/keys/{hash}", patch),
        Operation("keys.delete", "DELETE", "/keys/{hash}", delete),
        Operation("key.current", "GET", "/key", current),
        Operation("credits.get", "GET", "/credits", credits),
    )

    def shape(self, failure: Failure) -> Reply:
        return openrouter_failure(failure)

    def settings(self, config: Config) -> OpenRouterConfig:
        return config.openrouter

    def refusal(self, state: State, config: Config, call: Call) -> Reply | None:
        token = bearer(call)
        if token is None:
            return openrouter_failure(Failure(401))
        if token in config.openrouter.refused_tokens:
            return _refused("Invalid credentials", 401)
        if call.operation != "key.current" and state.openrouter.by_secret(token) is not None:
            return _refused("Only management keys can perform this operation", 403)
        return None

    def limit_headers(self, limiter: Limiter, status: int) -> dict[str, str]:
        if status != 429:
            return {}
        return {
            "X-RateLimit-Limit": str(limiter.limit), "X-RateLimit-Remaining": str(limiter.remaining),
            "X-RateLimit-Reset": str(int(limiter.reset_at * 1000)),
        }  # fmt: skip
