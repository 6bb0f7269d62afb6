"""AgentMail: one inbox per instance.

`client_id` makes a create idempotent and marks every listed inbox as somebody's; the user name is only what people see,
and on the shared domain it is unique among all customers.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from unicodedata import normalize

from ..errors import ProviderRejected, ProviderUnavailable
from ..settings.agentmail import AgentMailSettings
from .base import Plan, Resource
from .http import Client, Kind, Said, Wire, segment
from .reading import Json, mapping, mappings, text

__all__ = ["AgentMail", "configured"]

DEFAULT_DOMAIN = "agentmail.to"
LONGEST_USERNAME = 64
LONGEST_CLIENT_ID = 256
GONE_AFTER = (0.25, 0.5, 1.0, 1.5, 2.0)
"""Seconds to wait, each time, for a deletion that was only accepted."""

_CODES: dict[str, Kind] = {
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


@lru_cache(maxsize=1)
def _built(settings: AgentMailSettings) -> "AgentMail":
    return AgentMail(settings)


def configured() -> "AgentMail | None":
    """The AgentMail of the settings, one per process; None where no API key is set."""
    settings = AgentMailSettings.load()
    return _built(settings) if settings else None


class AgentMail:
    """Inboxes. A resource's id is the inbox's, which is its address."""

    adoptable = True

    def __init__(self, settings: AgentMailSettings, wire: Wire | None = None) -> None:
        self._domain = settings.domain
        self.client = Client(
            "agentmail",
            settings.url,
            token=settings.api_key,
            timeout=settings.timeout,
            explain=_explain,
            reset="epoch",
            wire=wire,
        )

    def plan(self, reference: str, incarnation: str) -> Plan:
        """User name, client id, display name and, unless it is the provider's default, the domain."""
        plan = {
            "username": _username(reference),
            "client_id": _client_id(f"{reference}.{incarnation}"),
            "display_name": reference,
        }
        return plan | {"domain": self._domain} if self._domain else plan

    def create(self, plan: Plan, options: Mapping[str, object]) -> Resource:
        """Make the inbox, or get the one that an earlier try with this plan made. There are no options.

        A user name that is taken, by us earlier or by another customer, gets a suffix that belongs to the plan.
        """
        del options
        try:
            return self._create(plan, plan["username"])
        except ProviderRejected as error:
            if error.reason != "taken":
                raise
        if ours := self._at(plan, plan["username"]):
            return ours
        username = f"{plan['username'][: LONGEST_USERNAME - 9]}-{_digest(plan['client_id'])}"
        try:
            return self._create(plan, username)
        except ProviderRejected as error:
            if error.reason == "taken" and (ours := self._at(plan, username)):
                return ours
            raise

    def find(self, plan: Plan) -> list[Resource]:
        """The inbox that carries the plan's client id, if there is one."""
        return [_resource(row) for row in self._inboxes() if row.get("client_id") == plan["client_id"]]

    def list(self) -> Iterator[Resource]:
        """Every inbox, newest first."""
        return (_resource(row) for row in self._inboxes())

    def exists(self, resource_id: str) -> bool:
        """Whether there is an inbox of this id."""
        try:
            row = mapping(self.client.read("inboxes.get", f"/inboxes/{segment(resource_id)}").body)
        except ProviderRejected as error:
            if error.reason != "not_found":
                raise
            return False
        return row.get("inbox_id") == resource_id

    def delete(self, resource_id: str) -> bool:
        """Delete the inbox with all its messages. One whose deletion was only accepted is watched until it is gone.

        Raises ProviderUnavailable if that takes longer than about 5 s.
        """
        path = f"/inboxes/{segment(resource_id)}"
        result = self.client.remove("inboxes.delete", path, proof="/inboxes")
        if result == "accepted":
            self._watch(path)
        return result != "gone"

    def _create(self, plan: Plan, username: str) -> Resource:
        body = {key: plan[key] for key in ("client_id", "display_name", "domain") if plan.get(key)}
        made = mapping(self.client.write("inboxes.create", "POST", "/inboxes", body | {"username": username}).body)
        if not made.get("inbox_id"):
            raise self.client.strange("inboxes.create", "no inbox_id")
        return _resource(made, plan["client_id"])

    def _at(self, plan: Plan, username: str) -> Resource | None:
        """The inbox at this address if it is the plan's."""
        address = f"{username}@{plan.get('domain') or DEFAULT_DOMAIN}"
        try:
            row = mapping(self.client.read("inboxes.get", f"/inboxes/{segment(address)}").body)
        except ProviderRejected as error:
            if error.reason in ("not_found", "unauthorized"):
                return None
            raise
        return _resource(row) if row.get("client_id") == plan["client_id"] else None

    def _watch(self, path: str) -> None:
        for wait in GONE_AFTER:
            try:
                self.client.send("inboxes.get", "GET", path)
            except ProviderRejected as error:
                if error.reason != "not_found":
                    raise
                return
            except ProviderUnavailable:
                # Among others `resource_deleting`: the next look tells more.
                pass
            self.client.wire.sleep(wait)
        raise ProviderUnavailable("agentmail", "inboxes.delete", "accepted, but the inbox is still there")

    def _inboxes(self) -> Iterator[Json]:
        seen, tokens = set[str](), set[str]()
        params: dict[str, str | int] = {}
        while True:
            page = mapping(self.client.read("inboxes.list", "/inboxes", params).body)
            if not isinstance(page.get("inboxes"), list):
                raise self.client.strange("inboxes.list", "no inboxes")
            for row in mappings(page["inboxes"]):
                inbox_id = text(row.get("inbox_id"))
                if inbox_id and inbox_id not in seen:
                    seen.add(inbox_id)
                    yield row
            # An empty page may still have a next one.
            token = text(page.get("next_page_token"))
            if not token:
                return
            if token in tokens:
                raise self.client.strange("inboxes.list", "a page token came twice")
            tokens.add(token)
            params = {"page_token": token}


def _resource(row: Json, client_id: str = "") -> Resource:
    inbox_id = text(row.get("inbox_id"))
    name = text(row.get("client_id")) or client_id
    meta = {key: text(row.get(key)) for key in ("display_name", "created_at") if row.get(key)}
    return Resource(
        inbox_id, name, {"AGENTMAIL_INBOX_ID": inbox_id}, meta | {"address": text(row.get("email")) or inbox_id}
    )


def _digest(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _username(reference: str) -> str:
    """The reference as the local part of an address. Two references never get the same name: one that had to be changed
    for it carries a digest."""
    plain = normalize("NFKD", reference).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "agent"
    if name == reference and len(name) <= LONGEST_USERNAME:
        return name
    return f"{name[: LONGEST_USERNAME - 9].rstrip('-')}-{_digest(reference)}"


def _client_id(value: str) -> str:
    """The value in the characters that a client id may have, likewise."""
    name = re.sub(r"[^A-Za-z0-9._~-]+", "-", value)
    if name == value and len(name) <= LONGEST_CLIENT_ID:
        return name
    return f"{name[: LONGEST_CLIENT_ID - 9]}-{_digest(value)}"


def _explain(status: int, body: object) -> Said:
    answer = mapping(body)
    message, code = text(answer.get("message")), text(answer.get("code"))
    if not code:
        name = text(answer.get("name")).removesuffix("Error").removesuffix("Exception")
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    kind = _CODES.get(code)
    # A name that is taken has come as 403 and as 409, under several codes; only these words are common to them.
    if status in (403, 409) and kind in (None, "unavailable") and re.search(r"\btaken\b|already exists", message):
        kind = "taken"
    if kind is None and status == 409:
        kind = "unavailable"
    return Said(kind, code, message)
