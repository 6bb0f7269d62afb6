"""The headers in the event of a Lambda authorizer."""

from collections.abc import Mapping
from typing import Any

__all__ = ["get_bearer_token", "get_header_values"]


def get_header_values(event: Mapping[str, Any], name: str) -> list[str]:
    """Return all values of a header. A REST API keeps the client's case of names, and repeated headers apart.

    Args:
        event: An authorizer's event, of payload format 1.0 or 2.0.
        name: In lower case.
    """
    single_headers: Mapping[str, str] = event.get("headers") or {}
    multi_headers: Mapping[str, list[str]] = event.get("multiValueHeaders") or {
        key: [single_headers[key]] for key in single_headers
    }
    return [value.strip() for key, values in multi_headers.items() if key.lower() == name for value in values]


def get_bearer_token(event: Mapping[str, Any]) -> str:
    """Return the bearer token of the Authorization header; empty if there is none, or more than one header."""
    values = get_header_values(event, "authorization")
    if len(values) != 1:
        return ""
    scheme, _, credential = values[0].partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""
