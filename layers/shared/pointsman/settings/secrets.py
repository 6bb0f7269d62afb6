"""Secrets at run time: read from Secrets Manager at first use, cached, and read again when one is refused.

A secret is a JSON object with the variables of one group; `SECRET_GROUPS` is the only table of them. Its name is
`<SECRET_PREFIX>/<group>`. A variable of the process with the same name wins over the secret, so that tests and
`sam local` need no Secrets Manager. As in the environment, empty is the same as not set.

A value is cached for `CACHE_SECONDS`. Whoever sees it refused calls `refresh_secret`, so a rotated value is used at the
next call. If Secrets Manager is unavailable, the cached value is kept; if it says that the secret is gone or forbidden,
it is not, as that may be meant.
"""

import json
import time
from collections.abc import Mapping

from .. import aws_client, log
from ..errors import MissingSetting, SecretsUnavailable, SettingError, UnreadableSecret
from .aws import load_aws_access
from .environment import read_optional

__all__ = [
    "CACHE_SECONDS",
    "MIN_REFRESH_INTERVAL",
    "SECRET_GROUPS",
    "STALE_SECONDS",
    "clear_cache",
    "find_secret_name",
    "read_required_secret",
    "read_secret",
    "refresh_secret",
]

SECRET_GROUPS: Mapping[str, tuple[str, ...]] = {
    "database": ("SERVICE_DATABASE_URL", "DATABASE_CA_PEM"),
    "pool-database": ("POOL_DATABASE_URL",),
    "services-api": ("SERVICES_API_KEY", "SERVICES_READ_API_KEY"),
    "agent-api": ("AGENT_API_KEY", "AGENT_OPERATOR_API_KEY"),
    "origin": ("ORIGIN_SECRET", "ORIGIN_SECRET_2"),
    "railway": ("RAILWAY_API_TOKEN",),
    "openrouter": ("OPENROUTER_MANAGEMENT_KEY",),
    "agentmail": ("AGENTMAIL_API_KEY",),
    "telnyx": ("TELNYX_API_KEY",),
    "model": ("MODEL_API_KEY",),
    "webhooks": ("WEBHOOK_SIGNING_KEY", "WEBHOOK_SIGNING_KEY_OLD"),
    "runtime": ("POOL_API_KEY", "BANKR_API_KEY"),
}
"""The secrets, each with its variables. A policy allows whole secrets, so each has what the same functions need."""

CACHE_SECONDS = 300.0
"""How long a value is used before it is read again: so long a key of our callers may be accepted that was replaced. A
sandbox sends at most 12 requests an hour for each secret."""
MIN_REFRESH_INTERVAL = 2.0
"""The least number of seconds between two reads of a secret because its value was refused: wrong keys, which anybody
can send, cause no more requests than that in a sandbox."""
STALE_SECONDS = 30.0
"""After a read that failed, the cached value is used for so long before the next attempt, which costs time."""

_GROUP_BY_VARIABLE = {name: group for group, names in SECRET_GROUPS.items() for name in names}

_CONNECT_TIMEOUT, _READ_TIMEOUT = 1.5, 2.5
_RETRY_DELAYS = (0.2, 0.4)
"""Upper limits of the random delays before the second and the third attempt, in seconds."""
_LAST_ATTEMPT_SECONDS = 4.0
"""No attempt starts later after the first, so that all end within an authorizer's timeout of 10 s."""

_values: dict[str, dict[str, str]] = {}
"""The cached variables, by the secret's name."""
_expires_at: dict[str, float] = {}
"""By the wall clock: a monotonic clock may stop while the sandbox is frozen."""
_refreshed_at: dict[str, float] = {}


def read_secret(name: str) -> str:
    """Return the variable's value without surrounding white space; empty if it is not set.

    Raises:
        UnreadableSecret: The secret is missing, forbidden or malformed.
        SecretsUnavailable: Secrets Manager does not answer, and no value is cached.
    """
    value, secret_name = read_optional(name), find_secret_name(name)
    if value or not secret_name:
        return value
    values = _values.get(secret_name)
    if values is None or time.time() >= _expires_at[secret_name]:
        try:
            values = _read_again(secret_name)
        except SecretsUnavailable:
            if values is None:
                raise
            _expires_at[secret_name] = time.time() + STALE_SECONDS
            log.write("warning", "secrets manager unavailable, cached secret kept", secret=secret_name)
    return values[name]


def read_required_secret(name: str, hint: str = "") -> str:
    """Return the variable's value without surrounding white space. An empty one is read again, as it may be set by now.

    Args:
        name: The variable.
        hint: Added to the message of MissingSetting: what the value is for, or what may be set instead.

    Raises:
        MissingSetting: It is not set. The message names the variable and the secret.
        UnreadableSecret: The secret is missing, forbidden or malformed.
        SecretsUnavailable: Secrets Manager does not answer, and no value is cached.
    """
    value = read_secret(name) or refresh_secret(name, "")
    if not value:
        secret_name = find_secret_name(name)
        place = f"the secret {secret_name} holds no value for it" if secret_name else ""
        raise MissingSetting(name, "; ".join(filter(None, (place, hint))))
    return value


def refresh_secret(name: str, refused: str) -> str:
    """Read the secret again after its value was refused. Never raises.

    Args:
        name: The variable.
        refused: The value that was used.

    Returns:
        The new value; empty if it has not changed, could not be read, or was read for this reason a moment ago.
    """
    secret_name = find_secret_name(name)
    if read_optional(name) or not secret_name:
        return ""
    # Another thread or an earlier call may have read the new value.
    if (value := _values.get(secret_name, {}).get(name, "")) and value != refused:
        return value
    now = time.time()
    if 0 <= now - _refreshed_at.get(secret_name, float("-inf")) < MIN_REFRESH_INTERVAL:
        return ""
    _refreshed_at[secret_name] = now
    try:
        value = _read_again(secret_name)[name]
    except (SettingError, SecretsUnavailable) as error:
        log.write("warning", "refused secret not read again", secret=secret_name, reason=error.message)
        return ""
    if not value or value == refused:
        return ""
    log.write("info", "rotated secret taken over", secret=secret_name)
    return value


def find_secret_name(name: str) -> str:
    """Return the name of the secret that holds a variable; empty without SECRET_PREFIX."""
    prefix = read_optional("SECRET_PREFIX")
    return f"{prefix}/{_GROUP_BY_VARIABLE[name]}" if prefix else ""


def clear_cache() -> None:
    """Forget all values, for a process whose environment changes."""
    for state in (_values, _expires_at, _refreshed_at):
        state.clear()


def _read_again(secret_name: str) -> dict[str, str]:
    """Read the secret into the cache, and return its variables.

    Raises:
        UnreadableSecret: It is missing, forbidden or malformed; it is not in the cache any more.
        SecretsUnavailable: Secrets Manager does not answer.
    """
    status, body = _request_value(secret_name)
    if aws_client.is_transient(status, body):
        raise SecretsUnavailable(f"Secrets Manager does not give the secret {secret_name} ({status or 'no answer'})")
    _values.pop(secret_name, None)
    variables = _parse_value(secret_name, body) if status == 200 else None
    if variables is None:
        raise UnreadableSecret(secret_name, _explain_error(secret_name, aws_client.get_error_code(body), status))
    _expires_at[secret_name] = time.time() + CACHE_SECONDS
    _values[secret_name] = variables
    return variables


def _request_value(secret_name: str) -> tuple[int, str]:
    """Return status and body of the last attempt."""
    body, started_at = json.dumps({"SecretId": secret_name}), time.monotonic()
    for delay in (*_RETRY_DELAYS, None):
        status, text = aws_client.call(
            load_aws_access(), "secretsmanager", "GetSecretValue", body,
            connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT,
        )  # fmt: skip
        is_late = time.monotonic() - started_at > _LAST_ATTEMPT_SECONDS
        if delay is None or is_late or not aws_client.is_transient(status, text):
            return status, text
        from random import uniform

        time.sleep(uniform(0, delay))  # noqa: S311 - jitter
    raise AssertionError("unreachable")


def _parse_value(secret_name: str, body: str) -> dict[str, str] | None:
    """Return the variables of the secret's group; None if the secret is not a JSON object of texts."""
    try:
        variables = json.loads(json.loads(body)["SecretString"])
        values = {name: variables.get(name) or "" for name in SECRET_GROUPS[secret_name.rpartition("/")[2]]}
        return {name: value.strip() for name, value in values.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _explain_error(secret_name: str, code: str, status: int) -> str:
    """Return what is wrong with the secret and what to change, without any part of its value."""
    names = ", ".join(f'"{name}": "…"' for name in SECRET_GROUPS[secret_name.rpartition("/")[2]])
    if status == 200:
        return f"is not a JSON object of texts: store {{{names}}}"
    if code == "ResourceNotFoundException":
        return f"does not exist: create it as {{{names}}}, or correct SECRET_PREFIX"
    if code == "AccessDeniedException":
        return "may not be read by this function: allow secretsmanager:GetSecretValue in its policies"
    if code == "DecryptionFailure":
        return "cannot be decrypted by this function: allow kms:Decrypt for the secret's key in its policies"
    if code == "InvalidRequestException":
        return "cannot be read in its state: if it is marked for deletion, restore it"
    return f"cannot be read (status {status} {code[:60]})"
