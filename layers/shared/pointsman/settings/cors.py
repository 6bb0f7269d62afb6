"""Which pages of others may call the Agent API."""

from .environment import optional

__all__ = ["cors_origins"]


def cors_origins() -> list[str]:
    """The origins (`https://app.example.com`) whose pages browsers let in, `*` for all; none where it is not set."""
    return [origin for part in optional("API_CORS_ORIGIN").split(",") if (origin := part.strip().rstrip("/"))]
