"""The stack's Secrets Manager: secrets are rotated, broken and counted as an operator and AWS would."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from local.stack.stack import Stack
from local.template.aws_identifiers import SECRET_PREFIX
from pointsman.settings.secrets import SECRET_GROUPS

from .aws import connect_aws


def secret_name(group: str) -> str:
    assert group in SECRET_GROUPS
    return f"{SECRET_PREFIX}/{group}"


def get_secret(aws_url: str, group: str) -> dict[str, str]:
    """Return the secret's variables."""
    return json.loads(
        connect_aws("secretsmanager", aws_url).get_secret_value(SecretId=secret_name(group))["SecretString"]
    )


def put_secret(aws_url: str, group: str, **variables: str) -> None:
    """Give variables of a secret new values, as a rotation does."""
    put_secret_text(aws_url, group, json.dumps({**get_secret(aws_url, group), **variables}))


def put_secret_text(aws_url: str, group: str, text: str) -> None:
    """Store any text as the secret's value."""
    connect_aws("secretsmanager", aws_url).put_secret_value(SecretId=secret_name(group), SecretString=text)


@contextmanager
def keep_secret(aws_url: str, group: str) -> Iterator[dict[str, str]]:
    """Put the secret's value back after this block; yields the value."""
    before = get_secret(aws_url, group)
    try:
        yield before
    finally:
        put_secret_text(aws_url, group, json.dumps(before))


@contextmanager
def answer_get_secret_value(
    stack: Stack, group: str, status: int, code: str, seen: list[str] | None = None
) -> Iterator[None]:
    """Let GetSecretValue of one secret answer with an error in this block.

    Args:
        stack: whose Secrets Manager fails.
        group: the secret.
        status: such as 400; 200 passes the request on.
        code: such as `AccessDeniedException`.
        seen: gets the name of each secret that is read, also of others.
    """
    server = stack._started_runner.moto_server
    moto_app = server._moto_app
    assert moto_app is not None

    def failing_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("HTTP_X_AMZ_TARGET") != "secretsmanager.GetSecretValue":
            return moto_app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        name = json.loads(body)["SecretId"]
        if seen is not None:
            seen.append(name)
        if status == 200 or name != secret_name(group):
            return moto_app({**environ, "wsgi.input": BytesIO(body)}, start_response)
        content = json.dumps({"__type": code, "message": "no"}).encode()
        start_response(f"{status} Error", [("Content-Length", str(len(content)))])
        return [content]

    server._moto_app = failing_app
    try:
        yield
    finally:
        server._moto_app = moto_app
