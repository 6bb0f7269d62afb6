"""AgentMail: inboxes with idempotent creation, and enough of sending to show its lag."""

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from local.simulator.agentmail_pages import paged
from local.simulator.agentmail_state import POD, Inbox, SentMessage, new_inbox
from local.simulator.config import AgentMailConfig, Config
from local.simulator.limiter import Limiter
from local.simulator.rest import Operation, bearer
from local.simulator.shape import Failure, agentmail_failure
from local.simulator.state import State
from local.simulator.wire import (
    LIST,
    OBJECT_OR_NULL,
    TEXT,
    Call,
    Obj,
    Reply,
    Spec,
    as_obj,
    as_str,
    body_problems,
    iso,
    query_problems,
)

_CREATE: Spec = {
    "username": TEXT, "domain": TEXT, "display_name": TEXT, "client_id": TEXT, "status": TEXT, "metadata": (dict,),
}  # fmt: skip
_PATCH: Spec = {"display_name": TEXT, "status": TEXT, "metadata": OBJECT_OR_NULL}
_SEND: Spec = dict.fromkeys(("to", "cc", "bcc", "reply_to"), (str, list)) | {
    "subject": TEXT, "text": TEXT, "html": TEXT, "labels": LIST, "attachments": LIST, "headers": (dict,),
}  # fmt: skip
_CLIENT_ID = re.compile(r"[A-Za-z0-9\-._~]{1,256}")
_USERNAME = re.compile(r"[A-Za-z0-9._\-+]{1,64}")


def invalid(problems: Iterable[tuple[str, str]]) -> Reply:
    errors = [{"path": [field], "message": f"{field} {message}"} for field, message in problems]
    return agentmail_failure(Failure(400), {"errors": errors})


def shown(inbox: Inbox) -> Obj:
    """An inbox as answers show it: what is not set is absent, not null."""
    result: Obj = {
        "pod_id": POD, "inbox_id": inbox.email, "email": inbox.email, "created_at": iso(inbox.created_at),
        "updated_at": iso(inbox.updated_at),
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


def _metadata_problem(value: object) -> str | None:
    entries = as_obj(value)
    if len(entries) > 256 or any(len(name) > 256 for name in entries):
        return "must have at most 256 keys of at most 256 characters"
    for entry in entries.values():
        if not isinstance(entry, (str, int, float, bool, type(None))) or (isinstance(entry, str) and len(entry) > 256):
            return "values must be strings of at most 256 characters, numbers or booleans"
    return None


def _common_problems(body: Obj, spec: Spec) -> list[tuple[str, str]]:
    problems = body_problems(body, spec)
    if body.get("status", "active") not in ("active", "paused"):
        problems.append(("status", "must be active or paused"))
    metadata = _metadata_problem(body.get("metadata"))
    if metadata:
        problems.append(("metadata", metadata))
    return problems


def create(state: State, config: Config, call: Call) -> Reply:
    settings, body = config.agentmail, call.body
    problems = _common_problems(body, _CREATE)
    client_id, username = as_str(body.get("client_id")), as_str(body.get("username"))
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        problems.append(("client_id", "must be 1 to 256 of A-Za-z0-9-._~"))
    if username is not None and not _USERNAME.fullmatch(username):
        problems.append(("username", "has characters that are not allowed"))
    if any(value is None for value in as_obj(body.get("metadata")).values()):
        problems.append(("metadata", "values must not be null"))
    if problems:
        return invalid(problems)
    if client_id is not None:
        replay = _replayed(state, settings, client_id, call.now)
        if replay is not None:
            return replay
    domain = as_str(body.get("domain")) or "agentmail.to"
    if domain not in settings.verified_domains:
        return agentmail_failure(Failure(422, "Domain is not verified"))
    name = (username or f"sim{secrets.token_hex(6)}").lower()
    refusal = _address_refusal(state, settings, name, f"{name}@{domain}", call.now)
    if refusal is not None:
        return refusal
    if settings.inbox_limit is not None and len(state.agentmail.live()) >= settings.inbox_limit:
        return agentmail_failure(
            Failure(403, code="limit_exceeded"),
            {"upgrade_url": "https://example.invalid/upgrade", "resource": "inboxes", "limit": settings.inbox_limit},
        )
    inbox = new_inbox(f"{name}@{domain}", call.now)
    inbox.client_id = client_id
    inbox.display_name = as_str(body.get("display_name"))
    inbox.paused = body.get("status") == "paused"
    _merge_metadata(inbox, as_obj(body.get("metadata")))
    state.agentmail.inboxes[inbox.uid] = inbox
    return Reply(200, shown(inbox))


def _replayed(state: State, settings: AgentMailConfig, client_id: str, now: float) -> Reply | None:
    """The first answer once more, whatever the new body says; null when this client id is free."""
    earlier = state.agentmail.newest_of(client_id)
    if earlier is None:
        return None
    if earlier.deleted_at is None:
        return Reply(200, shown(earlier))
    deleting = earlier.gone_at is not None and now < earlier.gone_at
    if settings.client_id_after_delete == "refuse" or deleting:
        return agentmail_failure(Failure(409, code="resource_deleting"))
    return Reply(200, shown(earlier)) if settings.client_id_after_delete == "ghost" else None


def _address_refusal(state: State, settings: AgentMailConfig, name: str, email: str, now: float) -> Reply | None:
    taken = agentmail_failure(Failure(settings.taken_status, code="resource_taken"))
    if name in settings.taken_usernames or state.agentmail.by_email(email) is not None:
        return taken
    former = [inbox for inbox in state.agentmail.inboxes.values() if inbox.email == email]
    if any(inbox.gone_at is not None and now < inbox.gone_at for inbox in former):
        return agentmail_failure(Failure(409, code="resource_deleting"))
    return taken if former and not settings.address_reusable else None


def _merge_metadata(inbox: Inbox, change: Obj) -> None:
    for name, value in change.items():
        if isinstance(value, (str, int, float, bool)):
            inbox.metadata[name] = value
        else:
            inbox.metadata.pop(name, None)


def listing(state: State, config: Config, call: Call) -> Reply:
    problems = query_problems(call.query, ("limit", "page_token", "ascending"))
    if call.param("ascending") not in (None, "true", "false"):
        problems.append(("ascending", "must be true or false"))
    if problems:
        return invalid(problems)
    newest_first = call.param("ascending") != "true"
    return _page(state.agentmail.live(), config.agentmail, call, newest_first)


def search(state: State, config: Config, call: Call) -> Reply:
    problems = query_problems(call.query, ("q", "limit", "page_token"))
    wanted = call.param("q") or ""
    if not 2 <= len(wanted) <= 256:
        problems.append(("q", "must have 2 to 256 characters"))
    if problems:
        return invalid(problems)
    found = [i for i in state.agentmail.live() if wanted.lower() in f"{i.email} {i.display_name or ''}".lower()]
    return _page(found, config.agentmail, call, newest_first=True)


def _page(found: list[Inbox], settings: AgentMailConfig, call: Call, newest_first: bool) -> Reply:
    limit = call.param("limit")
    if limit is not None and (not limit.isdecimal() or int(limit) < 1):
        return invalid([("limit", "must be a positive integer")])
    size = min(int(limit) if limit else settings.page_default, settings.page_max)
    page = paged(found, size, call.param("page_token"), newest_first, settings.empty_page_with_token)
    if page is None:
        return invalid([("page_token", "is not valid")])
    body: Obj = {"count": len(page.inboxes), "inboxes": [shown(inbox) for inbox in page.inboxes]}
    if limit is not None:
        body["limit"] = size
    if page.next_token is not None:
        body["next_page_token"] = page.next_token
    return Reply(200, body)


def get(state: State, _config: Config, call: Call) -> Reply:
    inbox = state.agentmail.by_email(call.path["inbox_id"])
    return Reply(200, shown(inbox)) if inbox else agentmail_failure(Failure(404))


def patch(state: State, _config: Config, call: Call) -> Reply:
    inbox = state.agentmail.by_email(call.path["inbox_id"])
    if inbox is None:
        return agentmail_failure(Failure(404))
    problems = _common_problems(call.body, _PATCH)
    if not call.body:
        problems.append(("body", "must have at least one of display_name, status, metadata"))
    if call.body.get("metadata") == {}:
        problems.append(("metadata", "must not be empty"))
    if problems:
        return invalid(problems)
    if "metadata" in call.body and call.body["metadata"] is None:
        inbox.metadata.clear()
    _merge_metadata(inbox, as_obj(call.body.get("metadata")))
    inbox.display_name = as_str(call.body.get("display_name")) or inbox.display_name
    if "status" in call.body:
        inbox.paused = call.body["status"] == "paused"
    inbox.updated_at = call.now
    return Reply(200, shown(inbox))


def delete(state: State, config: Config, call: Call) -> Reply:
    inbox = state.agentmail.by_email(call.path["inbox_id"])
    if inbox is None:
        return agentmail_failure(Failure(404))
    inbox.deleted_at = call.now
    inbox.gone_at = call.now + config.agentmail.delete_seconds
    return Reply(config.agentmail.delete_status)


def send(state: State, config: Config, call: Call) -> Reply:
    """Sending from a fresh inbox says that there is none, although list and get show it."""
    inbox = state.agentmail.by_email(call.path["inbox_id"])
    if inbox is None or call.now < inbox.created_at + config.agentmail.send_lag_s:
        return agentmail_failure(Failure(404))
    problems = body_problems(call.body, _SEND, ("to",))
    key = call.headers.get("idempotency-key")
    if key is not None and not _CLIENT_ID.fullmatch(key):
        problems.append(("Idempotency-Key", "has characters that are not allowed"))
    if problems:
        return invalid(problems)
    fingerprint = json.dumps([inbox.email, call.body], sort_keys=True)
    earlier = next((m for m in state.agentmail.messages if key is not None and m.idempotency_key == key), None)
    if earlier is not None and earlier.fingerprint != fingerprint:
        return agentmail_failure(Failure(409))
    message = earlier or SentMessage(f"<{uuid4()}@agentmail.to>", inbox.email, fingerprint, key)
    if earlier is None:
        state.agentmail.messages.append(message)
    return Reply(200, {"message_id": message.id, "thread_id": message.id.strip("<>").split("@")[0]})


@dataclass(frozen=True)
class AgentMail:
    name: str = "agentmail"
    base: str = "/agentmail/v0"
    operations: tuple[Operation, ...] = (
        Operation("inboxes.list", "GET", "/inboxes", listing),
        Operation("inboxes.create", "POST", "/inboxes", create),
        Operation("inboxes.search", "GET", "/inboxes/search", search),
        Operation("inboxes.get", "GET", "/inboxes/{inbox_id}", get),
        Operation("inboxes.update", "PATCH", "/inboxes/{inbox_id}", patch),
        Operation("inboxes.delete", "DELETE", "/inboxes/{inbox_id}", delete),
        Operation("messages.send", "POST", "/inboxes/{inbox_id}/messages/send", send),
    )

    def shape(self, failure: Failure) -> Reply:
        return agentmail_failure(failure)

    def settings(self, config: Config) -> AgentMailConfig:
        return config.agentmail

    def refusal(self, _state: State, config: Config, call: Call) -> Reply | None:
        if "authorization" not in call.headers:
            return agentmail_failure(Failure(401))
        token = bearer(call)
        if token is None:
            return agentmail_failure(Failure(401, code="invalid_token_type"))
        if token in config.agentmail.refused_tokens:
            return Reply(403, {"message": "Forbidden"})  # the gateway's words, in no shape of the API's
        return None

    def limit_headers(self, limiter: Limiter, status: int) -> dict[str, str]:
        return {"X-RateLimit-Reset": str(int(limiter.reset_at) + 1)} if status == 429 else {}
