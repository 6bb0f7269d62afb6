"""What AgentMail remembers: inboxes by creation, with the client ids they were made under."""

from dataclasses import dataclass, field
from uuid import uuid4

POD_ID = "pod-5a1e0000-0000-4000-8000-000000000001"


@dataclass
class Inbox:
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
    id: str
    inbox: str
    fingerprint: str
    idempotency_key: str | None


@dataclass
class AgentMailState:
    inboxes: dict[str, Inbox] = field(default_factory=dict[str, Inbox])
    messages: list[SentMessage] = field(default_factory=list[SentMessage])

    def list_live(self) -> list[Inbox]:
        return [inbox for inbox in self.inboxes.values() if inbox.deleted_at is None]

    def find_by_email(self, email: str) -> Inbox | None:
        return next((inbox for inbox in self.list_live() if inbox.email == email), None)

    def find_newest_by_client_id(self, client_id: str) -> Inbox | None:
        """The newest inbox made under a client id, deleted or not."""
        inboxes = [inbox for inbox in self.inboxes.values() if inbox.client_id == client_id]
        return inboxes[-1] if inboxes else None


def new_inbox(email: str, now: float) -> Inbox:
    return Inbox(uid=str(uuid4()), email=email, created_at=now, updated_at=now)
