"""Comparison of a presented API key with that of the settings, which may have been rotated."""

from ..settings.api import (
    load_agent_api_key,
    load_agent_operator_api_key,
    load_services_api_key,
    load_services_read_api_key,
)
from ..settings.secrets import refresh_secret

__all__ = [
    "is_agent_api_key",
    "is_agent_operator_api_key",
    "is_equal",
    "is_services_api_key",
    "is_services_read_api_key",
]


def is_services_api_key(presented: str) -> bool:
    """Whether this is the Services API's key. Raises MissingSetting, UnreadableSecret, SecretsUnavailable."""
    return _is_equal_or_rotated(presented, "SERVICES_API_KEY", load_services_api_key())


def is_services_read_api_key(presented: str) -> bool:
    """Whether this is the Services API's key for reading. Raises UnreadableSecret, SecretsUnavailable."""
    return _is_equal_or_rotated(presented, "SERVICES_READ_API_KEY", load_services_read_api_key())


def is_agent_operator_api_key(presented: str) -> bool:
    """Whether this is the Agent API's key for operators. Raises UnreadableSecret, SecretsUnavailable."""
    return _is_equal_or_rotated(presented, "AGENT_OPERATOR_API_KEY", load_agent_operator_api_key())


def is_agent_api_key(presented: str) -> bool:
    """Whether this is the Agent API's key. Raises MissingSetting, UnreadableSecret, SecretsUnavailable."""
    return _is_equal_or_rotated(presented, "AGENT_API_KEY", load_agent_api_key())


def _is_equal_or_rotated(presented: str, setting: str, key: str) -> bool:
    """Compare in constant time, and once more if the secret holds another key by now. An empty key equals nothing."""
    if not presented or not key:
        return False
    if is_equal(presented, key):
        return True
    rotated_key = refresh_secret(setting, key)
    return bool(rotated_key) and is_equal(presented, rotated_key)


def is_equal(presented: str, key: str) -> bool:
    """Compare a credential of a request with a secret, in constant time."""
    from hmac import compare_digest

    return compare_digest(presented.encode(errors="surrogatepass"), key.encode())
