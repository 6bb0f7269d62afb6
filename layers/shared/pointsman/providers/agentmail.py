"""AgentMail: one inbox per instance.

`client_id` is the idempotency key of a create, and listings show whose inbox it is. The user name is only for people;
on the shared domain it is unique among all customers.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Literal
from unicodedata import normalize

from ..errors import ProviderRejected, ProviderUnavailable
from ..http_transport import Transport
from ..json_values import JsonObject, as_object, as_rows, as_text
from ..settings.providers import AgentMailSettings
from .base import Deletion, Plan, ProviderResource, ToolProvider, make_provider_getter
from .http_client import HttpClient
from .http_response import ErrorBody, ErrorKind, ProviderResponse, quote_path_segment
from .listing_pages import count_pages

__all__ = ["AgentMailProvider", "get_provider"]

DEFAULT_DOMAIN = "agentmail.to"
MAX_USERNAME_LENGTH = 64
MAX_CLIENT_ID_LENGTH = 256
DELETION_POLL_DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
"""Seconds between polls of a deletion that was answered with 202; 5.1 in all."""

_KIND_BY_CODE: dict[str, ErrorKind] = {
    "limit_exceeded": "limit",
    "is_taken": "taken",
    "already_exists": "taken",
    "resource_taken": "taken",
    "conflict": "unavailable",
    "race_condition": "unavailable",
    "resource_deleting": "throttled",
    "cannot_delete": "not_ready",
    "not_found": "not_found",
    "validation": "invalid",
    "validation_error": "invalid",
    "unprocessable": "invalid",
    "missing_authorization": "unauthorized",
    "invalid_token_type": "unauthorized",
    "unknown_api_key": "unauthorized",
    "unauthorized": "unauthorized",
    "forbidden": "unauthorized",
    "missing_permission": "unauthorized",
    "permission_escalation": "unauthorized",
    "rate_limit_exceeded": "throttled",
}


class AgentMailProvider(ToolProvider):
    """The tool provider of inboxes. A resource id is the inbox's address."""

    adoptable = True
    plans_offline = True

    def __init__(self, settings: AgentMailSettings, transport: Transport | None = None) -> None:
        self._domain = settings.domain
        self.http_client = HttpClient(
            "agentmail",
            settings.url,
            token=settings.api_key,
            credential_setting="AGENTMAIL_API_KEY",
            # Its gateway answers 403 for an unknown key; the body tells this from its other reasons.
            refusing_statuses=(401, 403),
            timeout=settings.timeout,
            parse_error_body=_parse_error_body,
            rate_limit_reset_unit="epoch",
            transport=transport,
        )

    def plan(self, reference: str, operation_id: str) -> Plan:
        """Choose user name, client id, display name and, if the settings have one, the domain."""
        plan = {
            "username": _make_username(reference),
            "client_id": _make_client_id(f"{reference}.{operation_id}"),
            "display_name": reference,
        }
        return plan | {"domain": self._domain} if self._domain else plan

    def create(self, plan: Plan, options: Mapping[str, object]) -> ProviderResource:
        """Create the inbox, or return the one that an earlier attempt with this plan created. There are no options.

        If the user name is taken, a suffix derived from the client id is added, the same in each attempt.
        """
        del options
        try:
            return self._create_inbox(plan, plan["username"])
        except ProviderRejected as error:
            if error.reason != "taken":
                raise
        if existing := self._find_at_address(plan, plan["username"]):
            return existing
        username = f"{plan['username'][: MAX_USERNAME_LENGTH - 9]}-{_short_digest(plan['client_id'])}"
        try:
            return self._create_inbox(plan, username)
        except ProviderRejected as error:
            if error.reason == "taken" and (existing := self._find_at_address(plan, username)):
                return existing
            raise

    def find(self, plan: Plan) -> list[ProviderResource]:
        """Return the inbox with the plan's client id, if it exists."""
        return [_to_resource(row) for row in self._iter_inboxes() if row.get("client_id") == plan["client_id"]]

    def list(self) -> Iterator[ProviderResource]:
        """Yield all inboxes, newest first."""
        return (_to_resource(row) for row in self._iter_inboxes())

    def exists(self, resource_id: str) -> bool:
        """Whether an inbox of this id exists."""
        return self._get_inbox(resource_id) is not None

    def start_deletion(self, resource_id: str, meta: Mapping[str, str]) -> Deletion:
        """Delete the inbox with all its messages. A 202 needs a confirmation."""
        del meta

        def classify(response: ProviderResponse) -> Literal["deleted", "accepted"] | None:
            if response.status == 202:
                return "accepted"
            return "deleted" if response.status == 204 and response.body_format == "empty" else None

        outcome = self.http_client.delete(
            "inboxes.delete",
            f"/inboxes/{quote_path_segment(resource_id)}",
            existing_path="/inboxes",
            classify=classify,
            exists=lambda: self.exists(resource_id),
        )
        return Deletion(outcome != "gone", is_confirmed=outcome != "accepted")

    def confirm_deletion(self, resource_id: str) -> None:
        """Poll the inbox until it is gone.

        Raises:
            ProviderRejected: the inbox cannot be read.
            ProviderUnavailable: it still exists after about 5 s.
        """
        for _ in self.http_client.poll(DELETION_POLL_DELAYS):
            with suppress(ProviderUnavailable):  # Among others `resource_deleting`.
                if not self.exists(resource_id):
                    return
        raise ProviderUnavailable("agentmail", "inboxes.delete", "accepted, but the inbox is still there")

    def _create_inbox(self, plan: Plan, username: str) -> ProviderResource:
        body = {key: plan[key] for key in ("client_id", "display_name", "domain") if plan.get(key)}

        def parse_created(inbox: JsonObject) -> ProviderResource | None:
            if not as_text(inbox.get("inbox_id")) or inbox.get("client_id", plan["client_id"]) != plan["client_id"]:
                return None
            return _to_resource(inbox, plan["client_id"])

        return self.http_client.mutate(
            "inboxes.create", "POST", "/inboxes", body | {"username": username}, parse=parse_created
        )

    def _find_at_address(self, plan: Plan, username: str) -> ProviderResource | None:
        """Return the inbox at this address if it has the plan's client id."""
        try:
            row = self._get_inbox(f"{username}@{plan.get('domain') or DEFAULT_DOMAIN}")
        except ProviderRejected as error:
            if error.reason == "unauthorized":
                return None
            raise
        return _to_resource(row) if row and row.get("client_id") == plan["client_id"] else None

    def _get_inbox(self, inbox_id: str) -> JsonObject | None:
        """Return the inbox of this id, None if there is none."""

        def parse_inbox(row: JsonObject) -> JsonObject | None:
            return row if as_text(row.get("inbox_id")).casefold() == inbox_id.casefold() else None

        path = f"/inboxes/{quote_path_segment(inbox_id)}"
        return self.http_client.find("inboxes.get", path, parse=parse_inbox, existing_path="/inboxes")

    def _iter_inboxes(self) -> Iterator[JsonObject]:
        seen, tokens = set[str](), set[str]()
        params: dict[str, str | int] = {}
        for _ in count_pages(self.http_client, "inboxes.list"):
            rows, token = self.http_client.get("inboxes.list", "/inboxes", params, parse=_parse_page)
            for row in rows:
                inbox_id = as_text(row.get("inbox_id"))
                if inbox_id not in seen:
                    seen.add(inbox_id)
                    yield row
            # An empty page may be followed by another.
            if not token:
                return
            if token in tokens:
                raise self.http_client.unexpected_response("inboxes.list", "a page token came twice")
            tokens.add(token)
            params = {"page_token": token}


get_provider = make_provider_getter(AgentMailSettings.load, AgentMailProvider)
"""Return the provider of the settings, None if its tool is not configured."""


def _parse_page(page: JsonObject) -> tuple[list[JsonObject], str] | None:
    """Parse a page of inboxes and the next page's token, which is empty for the last one."""
    rows, token = as_rows(page.get("inboxes"), "inbox_id"), page.get("next_page_token") or ""
    return (rows, token) if rows is not None and isinstance(token, str) else None


def _to_resource(row: JsonObject, client_id: str = "") -> ProviderResource:
    inbox_id = as_text(row.get("inbox_id"))
    name = as_text(row.get("client_id")) or client_id
    meta = {key: as_text(row.get(key)) for key in ("display_name", "created_at") if row.get(key)}
    return ProviderResource(
        inbox_id, name, {"AGENTMAIL_INBOX_ID": inbox_id}, meta | {"address": as_text(row.get("email")) or inbox_id}
    )


def _short_digest(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _make_username(reference: str) -> str:
    """Turn the reference into the local part of an address.

    A reference that is changed by this gets a digest, so that two references never have the same user name.
    """
    ascii_text = normalize("NFKD", reference).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-") or "agent"
    if name == reference and len(name) <= MAX_USERNAME_LENGTH:
        return name
    return f"{name[: MAX_USERNAME_LENGTH - 9].rstrip('-')}-{_short_digest(reference)}"


def _make_client_id(value: str) -> str:
    """Replace the characters that a client id may not have; a changed value gets a digest as well."""
    name = re.sub(r"[^A-Za-z0-9._~-]+", "-", value)
    if name == value and len(name) <= MAX_CLIENT_ID_LENGTH:
        return name
    return f"{name[: MAX_CLIENT_ID_LENGTH - 9]}-{_short_digest(value)}"


def _parse_error_body(status: int, body: object) -> ErrorBody:
    response = as_object(body)
    message, code = as_text(response.get("message")), as_text(response.get("code"))
    if not code:
        name = as_text(response.get("name")).removesuffix("Error").removesuffix("Exception")
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    kind = _KIND_BY_CODE.get(code)
    # Observed: a taken name is a 403 or a 409, with several codes; only these words are common to them.
    if status in (403, 409) and kind in (None, "unavailable") and re.search(r"\btaken\b|already exists", message):
        kind = "taken"
    if kind is None and status == 409:
        kind = "unavailable"
    return ErrorBody(kind, code, message)
