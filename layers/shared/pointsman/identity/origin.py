"""Whether a request came through CloudFront, and so by its web ACL, or to an API's execute-api address."""

from collections.abc import Mapping
from typing import Any

from ..settings.api import load_origin_secret_name, load_origin_secrets
from ..settings.secrets import refresh_secret
from .api_key import is_equal
from .request_headers import get_header_values

__all__ = ["has_origin_secret"]


def has_origin_secret(event: Mapping[str, Any]) -> bool:
    """Return whether a request has the header by which CloudFront proves itself; True where no secret is set.

    Args:
        event: An authorizer's event, of payload format 1.0 or 2.0.

    Raises:
        MissingSetting: The secret that CloudFront sends is not set.
        UnreadableSecret, SecretsUnavailable: Secrets Manager does not give it.
    """
    secrets = load_origin_secrets()
    if not secrets:
        return True
    values = get_header_values(event, "x-origin-secret")
    if len(values) != 1:
        return False
    if _is_one_of(values[0], secrets):
        return True
    # Rotated, perhaps: the two are in the same secret of Secrets Manager, so one reading renews both.
    refresh_secret(load_origin_secret_name(), secrets[0])
    return _is_one_of(values[0], load_origin_secrets())


def _is_one_of(value: str, secrets: list[str]) -> bool:
    return any(is_equal(value, secret) for secret in secrets)
