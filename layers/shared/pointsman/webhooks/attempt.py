"""One attempt to deliver a message: a POST to a checked address, whose outcome is the response's status."""

import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx

from .. import deadlines
from ..db.webhook_deliveries import ClaimedDelivery
from ..http_network import DeadlineTransport
from ..http_transport import Transport, create_httpx_client, create_tls_context, parse_retry_after
from .signatures import build_headers, derive_secret
from .targets import TargetRefused, resolve_public

__all__ = ["ATTEMPT_SECONDS", "Outcome", "attempt"]

# httpx logs the address of each request at this level, and a target's may hold a token.
logging.getLogger("httpx").setLevel(logging.WARNING)

ATTEMPT_SECONDS = 15.0
"""How long an attempt takes at most: resolving, connecting, sending, and the head of the response."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went.

    Attributes:
        status: the response's status; None without a response.
        error: why it failed, for the webhook's owner; None if it succeeded.
        is_slow: whether the target let us wait until the attempt's end.
        retry_after: the seconds that the response asks us to wait; None if it does not.
    """

    status: int | None
    error: str | None
    is_slow: bool = False
    retry_after: float | None = None


def attempt(claimed: ClaimedDelivery, keys: Sequence[str], *, allows_loopback: bool) -> Outcome:
    """Send the message. Never raises: whatever a target does is an outcome.

    The response's body is not read, and a redirect is not followed.

    Args:
        claimed: the message and its target.
        keys: the deployment's signing keys, the present one first.
        allows_loopback: whether the target may be on loopback.
    """
    versions = [claimed.secret_version, *([claimed.secret_version - 1] if claimed.has_previous_version else [])]
    secrets = [derive_secret(key, claimed.webhook_id, version) for key in keys for version in versions]
    headers = build_headers(secrets, claimed.id, int(time.time()), claimed.body)
    try:
        with deadlines.limit(ATTEMPT_SECONDS):
            return _post(claimed.url, headers, claimed.body, allows_loopback=allows_loopback)
    except TargetRefused as error:
        return Outcome(None, str(error))
    except httpx.TimeoutException:
        return Outcome(None, f"No response within {ATTEMPT_SECONDS:g} seconds", is_slow=True)
    except httpx.ConnectError as error:
        if _is_of_tls(error):
            return Outcome(
                None, "The TLS handshake failed: the target's certificate or its TLS version is not accepted"
            )
        return Outcome(None, "No connection to the target")
    except Exception:  # noqa: BLE001 - a target answers with anything, and must not stop the others' messages
        return Outcome(None, "The connection ended without a valid response")


def _post(url: str, headers: dict[str, str], body: str, *, allows_loopback: bool) -> Outcome:
    resolve = partial(resolve_public, allows_loopback=allows_loopback)
    network = DeadlineTransport(create_tls_context(verify=url.lower().startswith("https:")), 0, resolve)
    with (
        create_httpx_client(
            url, {**headers, "Content-Type": "application/json"}, ATTEMPT_SECONDS, Transport(http_transport=network)
        ) as client,
        client.stream("POST", url, content=body.encode()) as response,
    ):
        if response.is_success:
            return Outcome(response.status_code, None)
        reason = "redirects are not followed" if response.is_redirect else "any but 2xx is a failure"
        retry_after = parse_retry_after(response.headers.get("retry-after", ""))
        return Outcome(
            response.status_code,
            f"The target answered {response.status_code}; {reason}",
            retry_after=retry_after,
        )


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
