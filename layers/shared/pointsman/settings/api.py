"""Settings of the two APIs: path prefix, authentication, API keys, CORS."""

import re
from typing import Literal, get_args

from ..errors import InvalidSetting
from .environment import read_choice, read_optional
from .secrets import read_required_secret, read_secret

__all__ = [
    "HEADER_AUTH_CONSENT",
    "AuthMode",
    "load_agent_api_key",
    "load_agent_operator_api_key",
    "load_api_prefix",
    "load_auth_mode",
    "load_cors_origins",
    "load_origin_secret_name",
    "load_origin_secrets",
    "load_services_api_key",
    "load_services_read_api_key",
]


def load_services_api_key() -> str:
    """Return the API key of the Services API's callers. Raises MissingSetting."""
    return read_required_secret("SERVICES_API_KEY")


def load_services_read_api_key() -> str:
    """Return the API key with which the Services API can only be read; empty if there is none."""
    return read_secret("SERVICES_READ_API_KEY")


def load_api_prefix() -> str:
    """Return the path prefix of the Agent API, `/api` by default. Raises InvalidSetting."""
    prefix = read_optional("API_PREFIX", "/api")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
        raise InvalidSetting("API_PREFIX", f"a path like /api, not {prefix[:40]!r}")
    return prefix


AuthMode = Literal["header", "api_key", "jwt"]
"""How the Agent API identifies its caller.

`header`: X-User-Id, trusted as it is. `api_key`: the same, with the app's API key. `jwt`: a bearer token's subject.
"""


HEADER_AUTH_CONSENT = "trust-x-user-id"
"""The value of ALLOW_HEADER_AUTH without which the mode `header` is refused, because it lets anybody be any user."""


def load_auth_mode() -> AuthMode:
    """Return the authentication mode of the Agent API, `api_key` by default.

    Raises:
        InvalidSetting: AGENT_AUTH is no mode, or is `header` and ALLOW_HEADER_AUTH does not consent to it.
    """
    mode = read_choice("AGENT_AUTH", get_args(AuthMode), "api_key")
    if mode == "header" and read_optional("ALLOW_HEADER_AUTH") != HEADER_AUTH_CONSENT:
        raise InvalidSetting("ALLOW_HEADER_AUTH", f"{HEADER_AUTH_CONSENT} for AGENT_AUTH=header, or use api_key or jwt")
    return mode


def load_agent_api_key() -> str:
    """Return the API key of the Agent API's callers; empty if AGENT_AUTH is another mode. Raises MissingSetting."""
    if load_auth_mode() != "api_key":
        return ""
    return read_required_secret("AGENT_API_KEY", "apps present it where AGENT_AUTH is api_key")


def load_agent_operator_api_key() -> str:
    """Return the API key of the Agent API's operators, for the mode `api_key`; empty if there is none."""
    return read_secret("AGENT_OPERATOR_API_KEY")


def load_cors_origins() -> list[str]:
    """Return the origins allowed by CORS (`https://app.example.com`, or `*` for all); empty if not set.

    Raises:
        InvalidSetting: One is neither an origin nor `*`.
    """
    text = read_optional("API_CORS_ORIGIN")
    origins = [origin for part in text.split(",") if (origin := part.strip().rstrip("/"))]
    if not all(origin == "*" or re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", origin) for origin in origins):
        raise InvalidSetting("API_CORS_ORIGIN", "origins like https://app.example.com with commas between them, or *")
    return origins


def load_origin_secrets() -> list[str]:
    """Return the secrets of which CloudFront sends one with each request, that one first; empty without CloudFront.

    There are two, so that one can be replaced while CloudFront sends the other.

    Raises:
        MissingSetting: ORIGIN_SECRET_KEY names the one that CloudFront sends, and that one is not set.
        InvalidSetting: ORIGIN_SECRET_KEY names no such secret.
    """
    if not read_optional("ORIGIN_SECRET_KEY"):
        return []
    sent = load_origin_secret_name()
    other = read_secret("ORIGIN_SECRET_2" if sent == "ORIGIN_SECRET" else "ORIGIN_SECRET")
    return [read_required_secret(sent, "CloudFront sends it to the APIs"), *filter(None, [other])]


def load_origin_secret_name() -> str:
    """Return the name of the secret that CloudFront sends. Raises InvalidSetting."""
    return read_choice("ORIGIN_SECRET_KEY", ("ORIGIN_SECRET", "ORIGIN_SECRET_2"), "ORIGIN_SECRET")
