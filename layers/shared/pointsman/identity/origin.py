"""Whether a request came through CloudFront, and so by its web ACL, or to an API's execute-api address."""

from collections.abc import Mapping
from typing import Any

from ..settings.api import load_origin_secrets
from .request_headers import get_header_values

__all__ = ["has_origin_secret"]


def has_origin_secret(event: Mapping[str, Any]) -> bool:
    """Return whether a request has the header by which CloudFront proves itself; True where no secret is set.

    Args:
        event: An authorizer's event, of payload format 1.0 or 2.0.

    Raises:
        MissingSetting: The secret that CloudFront sends is not set.
    """
    secrets = load_origin_secrets()
    if not secrets:
        return True
    from hmac import compare_digest

    values = get_header_values(event, "x-origin-secret")
    if len(values) != 1:
        return False
    value = values[0].encode(errors="surrogatepass")
    return any(compare_digest(value, secret.encode()) for secret in secrets)
