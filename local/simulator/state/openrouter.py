"""What OpenRouter remembers: keys by hash, with the plaintext only for our own assertions."""

import secrets
from dataclasses import dataclass, field

DEFAULT_WORKSPACE = "5a1e0000-0000-4000-8000-000000000001"
OTHER_WORKSPACE = "5a1e0000-0000-4000-8000-000000000002"


@dataclass
class ApiKey:
    hash: str
    name: str
    secret: str
    created_at: float
    workspace_id: str = DEFAULT_WORKSPACE
    disabled: bool = False
    limit: float | None = None
    limit_reset: str | None = None
    include_byok_in_limit: bool = False
    expires_at: float | None = None
    expires_text: str | None = None
    creator_user_id: str | None = None
    usage: float = 0.0
    updated_at: float | None = None
    deleted_at: float | None = None

    @property
    def label(self) -> str:
        return f"{self.secret[:12]}...{self.secret[-4:]}"


@dataclass
class OpenRouterState:
    keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])

    def list_live(self) -> list[ApiKey]:
        return [key for key in self.keys.values() if key.deleted_at is None]

    def find_by_secret(self, secret: str) -> ApiKey | None:
        return next((key for key in self.keys.values() if key.secret == secret), None)


def new_key(name: str, now: float) -> ApiKey:
    # The hash is unrelated to the secret on purpose: how the two relate is not documented.
    return ApiKey(hash=secrets.token_hex(32), name=name, secret=f"sk-or-v1-{secrets.token_hex(32)}", created_at=now)
