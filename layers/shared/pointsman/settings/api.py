"""What the API's own functions need."""

import re
from typing import Literal, get_args

from ..errors import InvalidSetting
from .environment import read_choice, read_optional, read_required

__all__ = [
    "AuthMode",
    "load_agent_api_key",
    "load_api_prefix",
    "load_auth_mode",
    "load_cors_origins",
    "load_services_api_key",
]


def load_services_api_key() -> str:
    """The key that callers of the Services API present. Raises MissingSetting."""
    return read_required("SERVICES_API_KEY")


def load_api_prefix() -> str:
    """The path under which the Agent API is, `/api` unless told otherwise. Raises MissingSetting for what cannot be."""
    prefix = read_optional("API_PREFIX", "/api")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
        raise InvalidSetting("API_PREFIX", f"a path like /api, not {prefix[:40]!r}")
    return prefix


AuthMode = Literal["header", "api_key", "jwt"]


def load_auth_mode() -> AuthMode:
    """What the Agent API asks of its callers. Raises MissingSetting where it is none of the three."""
    return read_choice("AGENT_AUTH", get_args(AuthMode), "api_key")


def load_agent_api_key() -> str:
    """The key that apps present. Raises MissingSetting."""
    return read_required("AGENT_API_KEY", "apps present it where AGENT_AUTH is api_key")


def load_cors_origins() -> list[str]:
    """The origins (`https://app.example.com`) whose pages browsers let in, `*` for all; none where it is not set."""
    return [origin for part in read_optional("API_CORS_ORIGIN").split(",") if (origin := part.strip().rstrip("/"))]
