"""Secrets Manager: brings an environment's secrets to what its file says."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

from local.json_values import mapping_or_empty

from .errors import DeploymentError
from .secrets_file import GENERATE

__all__ = ["SecretsNotReadable", "read_secrets", "update_secrets"]

_KEY_BYTES = 32
"""Random bytes of a generated key."""


class SecretsNotReadable(Exception):
    """AWS is not configured here, is not reached, or refuses. The text says why."""


def read_secrets(prefix: str, groups: Iterable[str]) -> dict[str, dict[str, str] | None]:
    """Read the secrets as they are stored now.

    Args:
        prefix: What the secrets' names begin with.
        groups: The groups to read.

    Returns:
        The variables of each group; None for one that does not exist, or is marked for deletion.

    Raises:
        SecretsNotReadable: They cannot be read, so nothing is known about them.
    """
    try:
        client = _connect()
        return {group: _read_usable_secret(client, f"{prefix}/{group}") for group in groups}
    except (ClientError, BotoCoreError) as error:
        raise SecretsNotReadable(str(error)) from None


def update_secrets(prefix: str, groups: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Create the secrets that are missing, and update those that differ.

    Region, credentials and endpoint are those of the usual AWS configuration (AWS_PROFILE,
    AWS_DEFAULT_REGION, AWS_ENDPOINT_URL). A generated key is kept once it exists.

    Args:
        prefix: What the secrets' names begin with.
        groups: The variables of each group.

    Yields:
        A line for each secret, once it is done; without any value.

    Raises:
        DeploymentError: AWS refuses, or is not configured. The secrets before are done; a repeat goes on.
    """
    name = prefix
    try:
        client = _connect()
        for group, variables in groups.items():
            name = f"{prefix}/{group}"
            yield f"{name}: {_update_secret(client, name, variables)}"
    except ClientError as error:
        raise DeploymentError(f"{name}: AWS refuses: {error}") from None
    except BotoCoreError as error:
        raise DeploymentError(f"{name}: {error}") from None


def _update_secret(client: Any, name: str, variables: Mapping[str, str]) -> str:
    """Bring one secret up to date; returns what was done."""
    stored = _read_secret(client, name)
    known = stored or {}
    generated = [key for key, value in variables.items() if value == GENERATE and not known.get(key)]
    values = {
        key: known.get(key) or _generate_key() if value == GENERATE else value for key, value in variables.items()
    }
    notes = [*(f"{key} generated" for key in generated), *(f"{key} is empty" for key in values if not values[key])]
    note = f" ({', '.join(notes)})" if notes else ""
    if values == stored:
        return f"unchanged{note}"
    text = json.dumps(values, sort_keys=True)
    if stored is None:
        client.create_secret(Name=name, SecretString=text, Description="Pointsman; written by make secrets")
        return f"created{note}"
    client.put_secret_value(SecretId=name, SecretString=text)
    return f"updated{note}"


def _connect() -> Any:
    session: Any = Session()
    return session.client("secretsmanager")


def _generate_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def _read_secret(client: Any, name: str) -> dict[str, str] | None:
    """Return the stored variables; empty if the secret holds something else, None if there is no such secret."""
    try:
        text: str = client.get_secret_value(SecretId=name).get("SecretString", "")
    except ClientError as error:
        if _read_error_code(error) == "ResourceNotFoundException":
            return None
        raise
    try:
        stored: object = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return {key: str(value) for key, value in mapping_or_empty(stored).items()}


def _read_usable_secret(client: Any, name: str) -> dict[str, str] | None:
    try:
        return _read_secret(client, name)
    except ClientError as error:
        if _read_error_code(error) == "InvalidRequestException":
            return None
        raise


def _read_error_code(error: Any) -> str:
    return str(mapping_or_empty(error.response.get("Error")).get("Code"))
