"""OpenRouter's management endpoints: API keys and credits."""

import re
from dataclasses import dataclass
from datetime import datetime

from local.simulator.config import Config, OpenRouterConfig
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.engine.rest import ApiOperation, get_bearer_token
from local.simulator.http.messages import (
    FLAG,
    NUMBER_OR_NULL,
    OBJECT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    ApiCall,
    FieldTypes,
    Obj,
    Reply,
    as_str,
    find_body_errors,
    find_query_errors,
    to_iso,
)
from local.simulator.http.provider_errors import ErrorDetails, openrouter_error
from local.simulator.state.openrouter import DEFAULT_WORKSPACE, OTHER_WORKSPACE, ApiKey, new_key
from local.simulator.state.store import State

_CREATE_FIELDS: FieldTypes = {
    "name": TEXT, "limit": NUMBER_OR_NULL, "limit_reset": TEXT_OR_NULL, "include_byok_in_limit": FLAG,
    "expires_at": TEXT_OR_NULL, "creator_user_id": TEXT_OR_NULL, "workspace_id": TEXT, "external": OBJECT_OR_NULL,
}  # fmt: skip
_PATCH_FIELDS: FieldTypes = {
    "name": TEXT, "disabled": FLAG, "limit": NUMBER_OR_NULL, "limit_reset": TEXT_OR_NULL,
    "include_byok_in_limit": FLAG, "workspace_id": TEXT,
}  # fmt: skip
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_WORKSPACES = (DEFAULT_WORKSPACE, OTHER_WORKSPACE)
_BOOLEANS = {"true": True, "false": False}


def _error(message: str, status: int = 400) -> Reply:
    return openrouter_error(ErrorDetails(status, message))


def serialize_key(key: ApiKey) -> Obj:
    """Serialize a key for a response, without its secret."""
    remaining = None if key.limit is None else max(0.0, key.limit - key.usage)
    usage: Obj = {
        f"{prefix}usage{period}": key.usage if not prefix else 0
        for prefix in ("", "byok_") for period in ("", "_daily", "_weekly", "_monthly")
    }  # fmt: skip
    return {
        "hash": key.hash, "name": key.name, "label": key.label, "disabled": key.disabled, "limit": key.limit,
        "limit_remaining": remaining, "limit_reset": key.limit_reset,
        "include_byok_in_limit": key.include_byok_in_limit, **usage, "created_at": to_iso(key.created_at),
        "updated_at": to_iso(key.updated_at), "expires_at": key.expires_text, "creator_user_id": key.creator_user_id,
        "workspace_id": key.workspace_id, "external_user": None, "last_used_at": None,
    }  # fmt: skip


def _find_body_error(body: Obj, field_types: FieldTypes, required: tuple[str, ...] = ()) -> str | None:
    for field, message in find_body_errors(body, field_types, required):
        return f"{field} {message}"
    if body.get("name") == "":
        return "name must have at least 1 character"
    limit = body.get("limit")
    if isinstance(limit, (int, float)) and limit < 0:
        return "limit must not be negative"
    if body.get("limit_reset") not in (None, "daily", "weekly", "monthly"):
        return "limit_reset must be daily, weekly, monthly or null"
    expires = body.get("expires_at")
    if isinstance(expires, str) and not _TIMESTAMP.fullmatch(expires):
        return "expires_at must be ISO 8601 in UTC with seconds"
    if body.get("workspace_id", DEFAULT_WORKSPACE) not in _WORKSPACES:
        return "Workspace not found"
    return None


def _apply_body(key: ApiKey, body: Obj) -> None:
    key.name = as_str(body.get("name")) or key.name
    key.disabled = bool(body.get("disabled", key.disabled))
    if "limit" in body:
        limit = body["limit"]
        key.limit = limit if isinstance(limit, (int, float)) else None
    if "limit_reset" in body:
        key.limit_reset = as_str(body["limit_reset"])
    key.include_byok_in_limit = bool(body.get("include_byok_in_limit", key.include_byok_in_limit))
    key.workspace_id = as_str(body.get("workspace_id")) or key.workspace_id


def create(state: State, _config: Config, call: ApiCall) -> Reply:
    """Create a key; only this response carries the secret. A name is not unique, so a retry creates a second key."""
    error = _find_body_error(call.body, _CREATE_FIELDS, ("name",))
    if error:
        return _error(error)
    if call.body.get("external") is not None:
        return _error("External keys are available to partners only", 403)
    key = new_key(str(call.body["name"]), call.now)
    _apply_body(key, call.body)
    key.creator_user_id = as_str(call.body.get("creator_user_id")) or "user_simulated"
    key.expires_text = as_str(call.body.get("expires_at"))
    if key.expires_text:
        key.expires_at = datetime.fromisoformat(key.expires_text).timestamp()
    state.openrouter.keys[key.hash] = key
    return Reply(201, {"data": serialize_key(key), "key": key.secret})


def list_keys(state: State, config: Config, call: ApiCall) -> Reply:
    """List keys newest first, by offset, without a total.

    Disabled and expired keys are included on request. A list covers one workspace, the default one if none is given.
    """
    errors = find_query_errors(call.query_params, ("offset", "include_disabled", "include_expired", "workspace_id"))
    if errors:
        return _error(f"{errors[0][0]} {errors[0][1]}")
    offset = call.param("offset") or "0"
    disabled = _BOOLEANS.get(call.param("include_disabled") or "false")
    expired = _BOOLEANS.get(call.param("include_expired") or "false")
    workspace = call.param("workspace_id") or DEFAULT_WORKSPACE
    if not offset.isdecimal() or disabled is None or expired is None or workspace not in _WORKSPACES:
        return _error("Invalid query parameter")
    found = [
        key for key in state.openrouter.list_live()
        if key.workspace_id == workspace and (disabled or not key.disabled)
        and (expired or key.expires_at is None or key.expires_at > call.now)
        and call.now >= key.created_at + config.openrouter.list_lag_s
    ]  # fmt: skip
    found.sort(key=lambda key: key.created_at, reverse=True)
    page = found[int(offset) : int(offset) + config.openrouter.page_size]
    return Reply(200, {"data": [serialize_key(key) for key in page]})


def _find_live_key(state: State, call: ApiCall) -> ApiKey | None:
    key = state.openrouter.keys.get(call.path_params["hash"])
    return key if key is not None and key.deleted_at is None else None


def get(state: State, _config: Config, call: ApiCall) -> Reply:
    """Return a live key by its hash; 404 once it is deleted."""
    key = _find_live_key(state, call)
    return Reply(200, {"data": serialize_key(key)}) if key else openrouter_error(ErrorDetails(404))


def patch(state: State, _config: Config, call: ApiCall) -> Reply:
    """Update a live key; fields that are absent from the body keep their value."""
    key = _find_live_key(state, call)
    if key is None:
        return openrouter_error(ErrorDetails(404))
    error = _find_body_error(call.body, _PATCH_FIELDS)
    if error:
        return _error(error)
    _apply_body(key, call.body)
    key.updated_at = call.now
    return Reply(200, {"data": serialize_key(key)})


def delete(state: State, _config: Config, call: ApiCall) -> Reply:
    """Delete a live key; 404 when it is already deleted."""
    key = _find_live_key(state, call)
    if key is None:
        return openrouter_error(ErrorDetails(404))
    key.deleted_at = call.now
    return Reply(200, {"deleted": True})


def get_current(state: State, _config: Config, call: ApiCall) -> Reply:
    """Describe the key that authorizes this request; the only management route open to inference keys."""
    token = get_bearer_token(call) or ""
    key = state.openrouter.find_by_secret(token)
    if key is not None and (key.deleted_at is not None or key.disabled):
        return _error("Invalid credentials", 401)
    shown_key = key or ApiKey("", "management", token, call.now)
    data = {name: value for name, value in serialize_key(shown_key).items() if name in (
        "label", "limit", "limit_remaining", "usage", "limit_reset", "include_byok_in_limit", "expires_at",
    )}  # fmt: skip
    extra: Obj = {"is_free_tier": False, "is_management_key": key is None, "rate_limit": {"requests": -1}}
    return Reply(200, {"data": data | extra})


def get_credits(_state: State, config: Config, _call: ApiCall) -> Reply:
    """Return the configured credits and usage, in USD."""
    settings = config.openrouter
    return Reply(200, {"data": {"total_credits": settings.total_credits, "total_usage": settings.total_usage}})


@dataclass(frozen=True)
class SimulatedOpenRouter:
    """OpenRouter as a REST provider: management keys by Bearer token, rate-limit headers only on 429."""

    name: str = "openrouter"
    base_path: str = "/openrouter/api/v1"
    operations: tuple[ApiOperation, ...] = (
        ApiOperation("keys.list", "GET", "/keys", list_keys),
        ApiOperation("keys.create", "POST", "/keys", create),
        ApiOperation("keys.get", "GET", "/keys/{hash}", get),
        ApiOperation("keys.update", "PATCH", "/keys/{hash}", patch),
        ApiOperation("keys.delete", "DELETE", "/keys/{hash}", delete),
        ApiOperation("key.current", "GET", "/key", get_current),
        ApiOperation("credits.get", "GET", "/credits", get_credits),
    )

    def render_error(self, failure: ErrorDetails) -> Reply:
        """Render an error in OpenRouter's shape."""
        return openrouter_error(failure)

    def select_config(self, config: Config) -> OpenRouterConfig:
        """Select OpenRouter's part of the configuration."""
        return config.openrouter

    def authorize(self, state: State, config: Config, call: ApiCall) -> Reply | None:
        """Return 401 for a missing or refused token, 403 for an inference key outside `GET /key`, None otherwise."""
        token = get_bearer_token(call)
        if token is None:
            return openrouter_error(ErrorDetails(401))
        if token in config.openrouter.refused_tokens:
            return _error("Invalid credentials", 401)
        if call.operation != "key.current" and state.openrouter.find_by_secret(token) is not None:
            return _error("Only management keys can perform this operation", 403)
        return None

    def rate_limit_headers(self, limiter: RateLimiter, status: int) -> dict[str, str]:
        """Build the headers of a 429; `X-RateLimit-Reset` is in epoch milliseconds."""
        if status != 429:
            return {}
        return {
            "X-RateLimit-Limit": str(limiter.limit), "X-RateLimit-Remaining": str(limiter.remaining),
            "X-RateLimit-Reset": str(int(limiter.reset_at * 1000)),
        }  # fmt: skip
