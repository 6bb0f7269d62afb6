"""OpenRouter's state: API keys by hash. The plaintext is stored too, for authentication and for assertions in tests."""

import secrets
from dataclasses import dataclass, field

DEFAULT_WORKSPACE = "5a1e0000-0000-4000-8000-000000000001"
OTHER_WORKSPACE = "5a1e0000-0000-4000-8000-000000000002"


@dataclass
class ApiKey:
    """A provisioned key. `limit` and `usage` are in USD; `expires_text` is `expires_at` as the client sent it."""

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
        """The shortened secret that OpenRouter shows: first 12 and last 4 characters."""
        return f"{self.secret[:12]}...{self.secret[-4:]}"


@dataclass
class OpenRouterState:
    """All keys by hash, deleted ones included."""

    keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])

    def list_live(self) -> list[ApiKey]:
        """Return the keys that are not deleted, in order of creation."""
        return [key for key in self.keys.values() if key.deleted_at is None]

    def find_by_secret(self, secret: str) -> ApiKey | None:
        """Return the key with this plaintext, deleted or not, or None."""
        return next((key for key in self.keys.values() if key.secret == secret), None)


def new_key(name: str, now: float) -> ApiKey:
    """Build a key with a random hash and secret, created at `now`; the caller stores it."""
    # OpenRouter does not document how hash and secret relate, so clients must not compute one from the other.
    return ApiKey(hash=secrets.token_hex(32), name=name, secret=f"sk-or-v1-{secrets.token_hex(32)}", created_at=now)
