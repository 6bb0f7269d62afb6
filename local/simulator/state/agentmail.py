"""AgentMail's state: inboxes in the order of their creation, and sent messages."""

from dataclasses import dataclass, field
from uuid import uuid4

POD_ID = "pod-5a1e0000-0000-4000-8000-000000000001"


@dataclass
class Inbox:
    """An inbox; a deleted one still blocks its address and client id until `gone_at`."""

    uid: str
    email: str
    created_at: float
    updated_at: float
    client_id: str | None = None
    display_name: str | None = None
    paused: bool = False
    metadata: dict[str, str | float | bool] = field(default_factory=dict[str, str | float | bool])
    deleted_at: float | None = None
    gone_at: float | None = None


@dataclass
class SentMessage:
    """A sent message; `fingerprint` identifies the request that an idempotency key belongs to."""

    id: str
    inbox: str
    fingerprint: str
    idempotency_key: str | None


@dataclass
class AgentMailState:
    """All inboxes, deleted ones included, and all sent messages."""

    inboxes: dict[str, Inbox] = field(default_factory=dict[str, Inbox])
    messages: list[SentMessage] = field(default_factory=list[SentMessage])

    def list_live(self) -> list[Inbox]:
        """Return the inboxes that are not deleted, in order of creation."""
        return [inbox for inbox in self.inboxes.values() if inbox.deleted_at is None]

    def find_by_email(self, email: str) -> Inbox | None:
        """Return the live inbox with this address, or None."""
        return next((inbox for inbox in self.list_live() if inbox.email == email), None)

    def find_newest_by_client_id(self, client_id: str) -> Inbox | None:
        """Return the newest inbox created with a client id, deleted or not, or None."""
        inboxes = [inbox for inbox in self.inboxes.values() if inbox.client_id == client_id]
        return inboxes[-1] if inboxes else None


def new_inbox(email: str, now: float) -> Inbox:
    """Build an inbox with a random id, created at `now`; the caller stores it."""
    return Inbox(uid=str(uuid4()), email=email, created_at=now, updated_at=now)
