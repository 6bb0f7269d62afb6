"""Modules that a function may not import when it starts: the measurable part of a cold start's cost."""

import json
from functools import cache

import pytest

from local.template.sam_template import Template
from tests.harness.paths import TEMPLATE
from tests.harness.python_process import run_python

WEB = {"fastapi", "starlette", "mangum", "pydantic"}
AWS = {"boto3", "botocore.auth", "botocore.client", "botocore.session"}  # Powertools imports botocore itself
MIGRATION = {"alembic", "sqlalchemy"}
EVERYTHING = WEB | AWS | MIGRATION | {"psycopg", "httpx", "aws_lambda_powertools"}

NOT_LOADED = {
    "authorizer": EVERYTHING,
    "agent_authorizer": EVERYTHING | {"jwt", "cryptography", "urllib.request", "dataclasses"},
    "migrate": WEB | AWS | {"httpx", "aws_lambda_powertools"},
    "services.healthz": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.capabilities": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.tools": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.openapi": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.docs": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.invoke_tool": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.routes": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.prompt_stream": WEB | AWS | MIGRATION | {"httpx"},
    "agent.get_prompt": AWS | MIGRATION | {"httpx"},
    "agent.approve_call": AWS | MIGRATION | {"httpx"},
    "agent.reject_call": AWS | MIGRATION | {"httpx"},
    "agent.cancel_prompt": AWS | MIGRATION | {"httpx"},
    "services.registry": AWS | MIGRATION | {"psycopg", "httpx"},
    "services.openapi": AWS | MIGRATION | {"psycopg", "httpx"},
    "services.not_found": AWS | MIGRATION | {"psycopg", "httpx"},
    "services.status_batch": AWS | MIGRATION | {"psycopg"},
    "services.get_operation": AWS | MIGRATION | {"httpx"},
    "services.dashboard_instances": AWS | MIGRATION | {"httpx"},
    "services.dashboard_credits": AWS | MIGRATION | {"psycopg"},
    "scheduled.status_poller": WEB | AWS | MIGRATION,
    "services.create_instance": AWS | MIGRATION | {"httpx"},
    "services.destroy_instance": AWS | MIGRATION | {"httpx"},
    "services.provision_resource": AWS | MIGRATION | {"httpx"},
    "services.destroy_resource": AWS | MIGRATION | {"httpx"},
    "services.retry_operation": AWS | MIGRATION | {"httpx"},
    "services.abandon_operation": AWS | MIGRATION | {"httpx"},
    "scheduled.reconciler": WEB | AWS | MIGRATION,
    "scheduled.prompt_recovery": WEB | AWS | MIGRATION | {"httpx"},
    "services.redeploy_instance": AWS | MIGRATION,
    "services.configure_instance": AWS | MIGRATION,
    "tasks.provision_tool": WEB | AWS | MIGRATION,
    "tasks.create_service": WEB | AWS | MIGRATION,
    "tasks.attach_volume": WEB | AWS | MIGRATION,
    "tasks.create_domain": WEB | AWS | MIGRATION,
    "tasks.deploy_instance": WEB | AWS | MIGRATION,
    "tasks.record_instance": WEB | AWS | MIGRATION,
    "tasks.attach_tool": WEB | AWS | MIGRATION,
    "tasks.compensate_operation": WEB | AWS | MIGRATION,
    "tasks.destroy_tool": WEB | AWS | MIGRATION,
    "tasks.destroy_volumes": WEB | AWS | MIGRATION,
    "tasks.destroy_service": WEB | AWS | MIGRATION,
    "tasks.close_operation": WEB | AWS | MIGRATION | {"httpx"},
    "tasks.advance_prompt": WEB - {"pydantic"} | AWS | MIGRATION | {"httpx"},
    "tasks.await_approval": WEB | AWS | MIGRATION | {"httpx"},
    "tasks.close_prompt": WEB | AWS | MIGRATION | {"httpx"},
}


def list_handler_modules() -> list[str]:
    return sorted(function.handler.rpartition(".")[0] for function in Template.load(TEMPLATE, {}).functions.values())


@cache
def list_loaded_modules(module: str) -> frozenset[str]:
    output = run_python(f"import json, sys, {module}; print(json.dumps(list(sys.modules)))")
    return frozenset(json.loads(output))


def test_every_function_is_listed_here() -> None:
    assert list_handler_modules() == sorted(NOT_LOADED)


@pytest.mark.parametrize("module", sorted(NOT_LOADED))
def test_function_does_not_load(module: str) -> None:
    assert list_loaded_modules(module) & NOT_LOADED[module] == set()


def test_the_check_can_fail() -> None:
    assert "fastapi" in list_loaded_modules("services.healthz")
    assert "psycopg" in list_loaded_modules("tasks.close_operation")
