"""Which pages of others may call the Agent API."""

from .environment import read_optional

__all__ = ["load_cors_origins"]


def load_cors_origins() -> list[str]:
    """The origins (`https://app.example.com`) whose pages browsers let in, `*` for all; none where it is not set."""
    return [origin for part in read_optional("API_CORS_ORIGIN").split(",") if (origin := part.strip().rstrip("/"))]
