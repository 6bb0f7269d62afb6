"""Secrets of webhooks and signatures of messages, in the form of Standard Webhooks (standardwebhooks.com).

A secret is an HMAC of the webhook's id and the number of its rotation, under a key of the deployment. So none is
stored, a copy of the database signs nothing, and a secret can be shown again to who repeats a request.
"""

import base64
import hmac
from collections.abc import Sequence

__all__ = ["build_headers", "derive_secret", "format_secret"]

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the standard gives


def derive_secret(key: str, webhook_id: str, version: int) -> bytes:
    """Derive a webhook's secret, 32 bytes, from a key of the deployment. `version` counts the rotations, from 1."""
    return hmac.digest(key.encode(), f"webhook-secret:{webhook_id}:{version}".encode(), "sha256")


def format_secret(secret: bytes) -> str:
    """Return the secret as its owner gets it: `whsec_` and base64."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode()


def build_headers(secrets: Sequence[bytes], message_id: str, timestamp: int, body: str) -> dict[str, str]:
    """Build the headers of an attempt.

    Args:
        secrets: the secrets that sign, the newest first; a receiver accepts a message that any of them has signed.
        message_id: the message's id, the same for each attempt.
        timestamp: of the attempt, in seconds since 1970.
        body: the body, exactly as it is sent.
    """
    content = f"{message_id}.{timestamp}.{body}".encode()
    signatures = [base64.b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
