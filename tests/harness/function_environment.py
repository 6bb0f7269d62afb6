"""The environment of one of the stack's functions, in this process: product code runs here as it would there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.lambda_service.worker import build_lambda_environment
from local.stack.stack import Stack
from pointsman.db import connection
from pointsman.settings import secrets

COMMON_SETTINGS = {"STACK_NAME": "pointsman-test", "STAGE": "dev", "DATABASE_SSLMODE": "prefer"}
"""The settings of every function, for product code that runs without a stack; the embedded Postgres has no TLS."""

_PROCESS_VARIABLES = ("PATH", "PYTHON", "LANG", "TZ", "LD_", "DYLD_")
"""Prefixes of what belongs to a process and not to a function."""


def function_environment(stack: Stack, function: str, **changes: str) -> dict[str, str]:
    """Return the variables that a function sees, with changes, without those that belong to its process."""
    template = stack.template.functions[function]
    variables = build_lambda_environment(template, stack.aws_url)
    return {**{name: v for name, v in variables.items() if not name.startswith(_PROCESS_VARIABLES)}, **changes}


@contextmanager
def use_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[None]:
    """Set these variables until the test ends; product code gets a connection and secrets of this block's own."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection.close()
    secrets.clear_cache()
    yield
    connection.close()
    secrets.clear_cache()
