"""AgentMail's endpoints: inboxes with idempotent creation, and message sending with its lag."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from local.simulator.agentmail.pagination import paginate
from local.simulator.config import AgentMailConfig, Config
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.engine.rest import ApiOperation, get_bearer_token
from local.simulator.http.messages import (
    LIST,
    OBJECT_OR_NULL,
    TEXT,
    ApiCall,
    FieldTypes,
    Obj,
    Reply,
    as_obj,
    as_str,
    find_body_errors,
    find_query_errors,
    to_iso,
)
from local.simulator.http.provider_errors import ErrorDetails, agentmail_error
from local.simulator.state.agentmail import POD_ID, Inbox, SentMessage, new_inbox
from local.simulator.state.store import State

_CREATE_FIELDS: FieldTypes = {
    "username": TEXT, "domain": TEXT, "display_name": TEXT, "client_id": TEXT, "status": TEXT, "metadata": (dict,),
}  # fmt: skip
_PATCH_FIELDS: FieldTypes = {"display_name": TEXT, "status": TEXT, "metadata": OBJECT_OR_NULL}
_SEND_FIELDS: FieldTypes = dict.fromkeys(("to", "cc", "bcc", "reply_to"), (str, list)) | {
    "subject": TEXT, "text": TEXT, "html": TEXT, "labels": LIST, "attachments": LIST, "headers": (dict,),
}  # fmt: skip
_CLIENT_ID = re.compile(r"[A-Za-z0-9\-._~]{1,256}")
_USERNAME = re.compile(r"[A-Za-z0-9._\-+]{1,64}")


def validation_error(field_errors: Iterable[tuple[str, str]]) -> Reply:
    """Render field errors as AgentMail's 400, one entry with `path` and `message` per error."""
    details = [{"path": [field], "message": f"{field} {message}"} for field, message in field_errors]
    return agentmail_error(ErrorDetails(400), {"errors": details})


def serialize_inbox(inbox: Inbox) -> Obj:
    """Serialize an inbox for a response; unset fields are absent, not null."""
    result: Obj = {
        "pod_id": POD_ID, "inbox_id": inbox.email, "email": inbox.email, "created_at": to_iso(inbox.created_at),
        "updated_at": to_iso(inbox.updated_at),
    }  # fmt: skip
    if inbox.display_name is not None:
        result["display_name"] = inbox.display_name
    if inbox.client_id is not None:
        result["client_id"] = inbox.client_id
    if inbox.paused:
        result["status"] = "paused"
    if inbox.metadata:
        result["metadata"] = inbox.metadata
    return result


def _find_metadata_error(value: object) -> str | None:
    entries = as_obj(value)
    if len(entries) > 256 or any(len(name) > 256 for name in entries):
        return "must have at most 256 keys of at most 256 characters"
    for entry in entries.values():
        if not isinstance(entry, (str, int, float, bool, type(None))) or (isinstance(entry, str) and len(entry) > 256):
            return "values must be strings of at most 256 characters, numbers or booleans"
    return None


def _find_common_errors(body: Obj, field_types: FieldTypes) -> list[tuple[str, str]]:
    errors = find_body_errors(body, field_types)
    if body.get("status", "active") not in ("active", "paused"):
        errors.append(("status", "must be active or paused"))
    metadata_error = _find_metadata_error(body.get("metadata"))
    if metadata_error:
        errors.append(("metadata", metadata_error))
    return errors


def create(state: State, config: Config, call: ApiCall) -> Reply:
    """Create an inbox; a `client_id` in use returns the existing inbox with 200."""
    settings, body = config.agentmail, call.body
    errors = _find_common_errors(body, _CREATE_FIELDS)
    client_id, username = as_str(body.get("client_id")), as_str(body.get("username"))
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        errors.append(("client_id", "must be 1 to 256 of A-Za-z0-9-._~"))
    if username is not None and not _USERNAME.fullmatch(username):
        errors.append(("username", "has characters that are not allowed"))
    if any(value is None for value in as_obj(body.get("metadata")).values()):
        errors.append(("metadata", "values must not be null"))
    if errors:
        return validation_error(errors)
    if client_id is not None:
        replay = _replay_creation(state, settings, client_id, call.now)
        if replay is not None:
            return replay
    domain = as_str(body.get("domain")) or "agentmail.to"
    if domain not in settings.verified_domains:
        return agentmail_error(ErrorDetails(422, "Domain is not verified"))
    name = (username or f"sim{secrets.token_hex(6)}").lower()
    conflict = _find_address_conflict(state, settings, name, f"{name}@{domain}", call.now)
    if conflict is not None:
        return conflict
    if settings.inbox_limit is not None and len(state.agentmail.list_live()) >= settings.inbox_limit:
        return agentmail_error(
            ErrorDetails(403, code="limit_exceeded"),
            {"upgrade_url": "https://example.invalid/upgrade", "resource": "inboxes", "limit": settings.inbox_limit},
        )
    inbox = new_inbox(f"{name}@{domain}", call.now)
    inbox.client_id = client_id
    inbox.display_name = as_str(body.get("display_name"))
    inbox.paused = body.get("status") == "paused"
    _merge_metadata(inbox, as_obj(body.get("metadata")))
    state.agentmail.inboxes[inbox.uid] = inbox
    return Reply(200, serialize_inbox(inbox))


def _replay_creation(state: State, settings: AgentMailConfig, client_id: str, now: float) -> Reply | None:
    """Return the response for a known client id, whatever the new body contains; None when the id is free."""
    earlier = state.agentmail.find_newest_by_client_id(client_id)
    if earlier is None:
        return None
    if earlier.deleted_at is None:
        return Reply(200, serialize_inbox(earlier))
    deleting = earlier.gone_at is not None and now < earlier.gone_at
    if settings.client_id_after_delete == "refuse" or deleting:
        return agentmail_error(ErrorDetails(409, code="resource_deleting"))
    return Reply(200, serialize_inbox(earlier)) if settings.client_id_after_delete == "ghost" else None


def _find_address_conflict(state: State, settings: AgentMailConfig, name: str, email: str, now: float) -> Reply | None:
    taken = agentmail_error(ErrorDetails(settings.taken_status, code="resource_taken"))
    if name in settings.taken_usernames or state.agentmail.find_by_email(email) is not None:
        return taken
    former = [inbox for inbox in state.agentmail.inboxes.values() if inbox.email == email]
    if any(inbox.gone_at is not None and now < inbox.gone_at for inbox in former):
        return agentmail_error(ErrorDetails(409, code="resource_deleting"))
    return taken if former and not settings.address_reusable else None


def _merge_metadata(inbox: Inbox, change: Obj) -> None:
    for name, value in change.items():
        if isinstance(value, (str, int, float, bool)):
            inbox.metadata[name] = value
        else:
            inbox.metadata.pop(name, None)


def list_inboxes(state: State, config: Config, call: ApiCall) -> Reply:
    """List live inboxes, newest first unless `ascending=true`."""
    errors = find_query_errors(call.query_params, ("limit", "page_token", "ascending"))
    if call.param("ascending") not in (None, "true", "false"):
        errors.append(("ascending", "must be true or false"))
    if errors:
        return validation_error(errors)
    newest_first = call.param("ascending") != "true"
    listed = [
        inbox for inbox in state.agentmail.list_live() if call.now >= inbox.created_at + config.agentmail.list_lag_s
    ]
    return _page_reply(listed, config.agentmail, call, newest_first)


def search(state: State, config: Config, call: ApiCall) -> Reply:
    """Search live inboxes for a substring of address or display name, case-insensitive, newest first."""
    errors = find_query_errors(call.query_params, ("q", "limit", "page_token"))
    text = call.param("q") or ""
    if not 2 <= len(text) <= 256:
        errors.append(("q", "must have 2 to 256 characters"))
    if errors:
        return validation_error(errors)
    matches = [i for i in state.agentmail.list_live() if text.lower() in f"{i.email} {i.display_name or ''}".lower()]
    return _page_reply(matches, config.agentmail, call, newest_first=True)


def _page_reply(inboxes: list[Inbox], settings: AgentMailConfig, call: ApiCall, newest_first: bool) -> Reply:
    limit = call.param("limit")
    if limit is not None and (not limit.isdecimal() or int(limit) < 1):
        return validation_error([("limit", "must be a positive integer")])
    size = min(int(limit) if limit else settings.page_default, settings.page_max)
    page = paginate(inboxes, size, call.param("page_token"), newest_first, settings.empty_page_with_token)
    if page is None:
        return validation_error([("page_token", "is not valid")])
    body: Obj = {"count": len(page.inboxes), "inboxes": [serialize_inbox(inbox) for inbox in page.inboxes]}
    if limit is not None:
        body["limit"] = size
    if page.next_token is not None:
        body["next_page_token"] = page.next_token
    return Reply(200, body)


def get(state: State, _config: Config, call: ApiCall) -> Reply:
    """Return an inbox by its address, which is its `inbox_id`."""
    inbox = state.agentmail.find_by_email(call.path_params["inbox_id"])
    return Reply(200, serialize_inbox(inbox)) if inbox else agentmail_error(ErrorDetails(404))


def patch(state: State, _config: Config, call: ApiCall) -> Reply:
    """Update display name, status or metadata; metadata is merged, and null clears all of it."""
    inbox = state.agentmail.find_by_email(call.path_params["inbox_id"])
    if inbox is None:
        return agentmail_error(ErrorDetails(404))
    errors = _find_common_errors(call.body, _PATCH_FIELDS)
    if not call.body:
        errors.append(("body", "must have at least one of display_name, status, metadata"))
    if call.body.get("metadata") == {}:
        errors.append(("metadata", "must not be empty"))
    if errors:
        return validation_error(errors)
    if "metadata" in call.body and call.body["metadata"] is None:
        inbox.metadata.clear()
    _merge_metadata(inbox, as_obj(call.body.get("metadata")))
    inbox.display_name = as_str(call.body.get("display_name")) or inbox.display_name
    if "status" in call.body:
        inbox.paused = call.body["status"] == "paused"
    inbox.updated_at = call.now
    return Reply(200, serialize_inbox(inbox))


def delete(state: State, config: Config, call: ApiCall) -> Reply:
    """Delete an inbox; its address stays blocked for the configured `delete_seconds`."""
    inbox = state.agentmail.find_by_email(call.path_params["inbox_id"])
    if inbox is None:
        return agentmail_error(ErrorDetails(404))
    inbox.deleted_at = call.now
    inbox.gone_at = call.now + config.agentmail.delete_seconds
    return Reply(config.agentmail.delete_status)


def send_message(state: State, config: Config, call: ApiCall) -> Reply:
    """Record a message, once per `Idempotency-Key`; a new inbox answers 404 although list and get return it."""
    inbox = state.agentmail.find_by_email(call.path_params["inbox_id"])
    if inbox is None or call.now < inbox.created_at + config.agentmail.send_lag_s:
        return agentmail_error(ErrorDetails(404))
    errors = find_body_errors(call.body, _SEND_FIELDS, ("to",))
    key = call.headers.get("idempotency-key")
    if key is not None and not _CLIENT_ID.fullmatch(key):
        errors.append(("Idempotency-Key", "has characters that are not allowed"))
    if errors:
        return validation_error(errors)
    fingerprint = json.dumps([inbox.email, call.body], sort_keys=True)
    earlier = next((m for m in state.agentmail.messages if key is not None and m.idempotency_key == key), None)
    if earlier is not None and earlier.fingerprint != fingerprint:
        return agentmail_error(ErrorDetails(409))
    message = earlier or SentMessage(f"<{uuid4()}@agentmail.to>", inbox.email, fingerprint, key)
    if earlier is None:
        state.agentmail.messages.append(message)
    return Reply(200, {"message_id": message.id, "thread_id": message.id.strip("<>").split("@")[0]})


@dataclass(frozen=True)
class SimulatedAgentMail:
    """AgentMail as a REST provider: Bearer tokens, and `X-RateLimit-Reset` only on 429."""

    name: str = "agentmail"
    base_path: str = "/agentmail/v0"
    operations: tuple[ApiOperation, ...] = (
        ApiOperation("inboxes.list", "GET", "/inboxes", list_inboxes),
        ApiOperation("inboxes.create", "POST", "/inboxes", create),
        ApiOperation("inboxes.search", "GET", "/inboxes/search", search),
        ApiOperation("inboxes.get", "GET", "/inboxes/{inbox_id}", get),
        ApiOperation("inboxes.update", "PATCH", "/inboxes/{inbox_id}", patch),
        ApiOperation("inboxes.delete", "DELETE", "/inboxes/{inbox_id}", delete),
        ApiOperation("messages.send", "POST", "/inboxes/{inbox_id}/messages/send", send_message),
    )

    def render_error(self, failure: ErrorDetails) -> Reply:
        """Render an error in AgentMail's shape."""
        return agentmail_error(failure)

    def select_config(self, config: Config) -> AgentMailConfig:
        """Select AgentMail's part of the configuration."""
        return config.agentmail

    def authorize(self, _state: State, config: Config, call: ApiCall) -> Reply | None:
        """Return 401 without a Bearer token, 403 for a refused one, None otherwise."""
        if "authorization" not in call.headers:
            return agentmail_error(ErrorDetails(401))
        token = get_bearer_token(call)
        if token is None:
            return agentmail_error(ErrorDetails(401, code="invalid_token_type"))
        if token in config.agentmail.refused_tokens:
            return Reply(403, {"message": "Forbidden"})  # sent by the gateway, not in the API's error shape
        return None

    def rate_limit_headers(self, limiter: RateLimiter, status: int) -> dict[str, str]:
        """Build `X-RateLimit-Reset`, in epoch seconds, for a 429."""
        return {"X-RateLimit-Reset": str(int(limiter.reset_at) + 1)} if status == 429 else {}
