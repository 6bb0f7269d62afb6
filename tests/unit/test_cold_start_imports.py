"""Modules that a function may not import when it starts: the measurable part of a cold start's cost."""

import json
from functools import cache

import pytest

from local.template.sam_template import Template
from tests.harness.paths import TEMPLATE
from tests.harness.python_process import run_python

pytestmark = pytest.mark.slow

WEB = {"fastapi", "starlette", "mangum", "pydantic"}
AWS = {"boto3", "botocore.auth", "botocore.client", "botocore.session"}  # Powertools imports botocore itself
MIGRATION = {"alembic", "sqlalchemy"}
EVERYTHING = WEB | AWS | MIGRATION | {"psycopg", "httpx", "aws_lambda_powertools"}

NOT_LOADED = {
    "authorizers.services_key": EVERYTHING,
    "authorizers.agent_user": EVERYTHING | {"jwt", "cryptography", "urllib.request", "dataclasses"},
    "migration.migrate": WEB | AWS | {"httpx", "aws_lambda_powertools"},
    "services.healthz": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.capabilities": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.tools": AWS | MIGRATION | {"psycopg", "httpx"},
    "openapi.combined_document": AWS | MIGRATION | {"psycopg", "httpx"},
    "documentation.docs_page": AWS | MIGRATION | {"psycopg", "httpx"},
    "console.console_page": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.invoke_tool": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.routes": AWS | MIGRATION | {"psycopg", "httpx"},
    "agent.prompt_stream": WEB | AWS | MIGRATION | {"httpx"},
    "agent.mcp_endpoint": AWS | MIGRATION | {"fastapi", "mangum", "httpx"},
    "agent.get_prompt": AWS | MIGRATION | {"httpx"},
    "agent.list_approvals": AWS | MIGRATION | {"httpx"},
    "agent.list_prompts": AWS | MIGRATION | {"httpx"},
    "agent.approve_call": AWS | MIGRATION | {"httpx"},
    "agent.reject_call": AWS | MIGRATION | {"httpx"},
    "agent.cancel_prompt": AWS | MIGRATION | {"httpx"},
    "services.registry": AWS | MIGRATION | {"psycopg", "httpx"},
    "openapi.services_document": AWS | MIGRATION | {"psycopg", "httpx"},
    "services.not_found": AWS | MIGRATION | {"psycopg", "httpx"},
    "services.status_batch": AWS | MIGRATION | {"psycopg"},
    "services.get_operation": AWS | MIGRATION | {"httpx"},
    "services.dashboard_instances": AWS | MIGRATION | {"httpx"},
    "services.fleet_webhooks": AWS | MIGRATION | {"httpx"},
    "agent.user_webhooks": AWS | MIGRATION | {"httpx"},
    "services.maintenance": AWS | MIGRATION | {"httpx"},
    "services.list_audit_log": AWS | MIGRATION | {"httpx"},
    "services.list_instances": AWS | MIGRATION | {"httpx"},
    "services.get_instance": AWS | MIGRATION | {"httpx"},
    "services.list_operations": AWS | MIGRATION | {"httpx"},
    "services.fleet_reports": AWS | MIGRATION | {"httpx"},
    "services.dashboard_credits": AWS | MIGRATION | {"psycopg"},
    "scheduled.status_poller": WEB | AWS | MIGRATION,
    "services.create_instance": AWS | MIGRATION | {"httpx"},
    "services.destroy_instance": AWS | MIGRATION | {"httpx"},
    "services.provision_resource": AWS | MIGRATION | {"httpx"},
    "services.destroy_resource": AWS | MIGRATION | {"httpx"},
    "services.retry_operation": AWS | MIGRATION | {"httpx"},
    "services.abandon_operation": AWS | MIGRATION | {"httpx"},
    "scheduled.reconciler": WEB | AWS | MIGRATION | {"pointsman.lifecycle.leaked_operations", "pointsman.db.instances"},
    "scheduled.prompt_recovery": WEB | AWS | MIGRATION | {"httpx"},
    "scheduled.webhook_delivery": WEB | AWS | MIGRATION,
    "scheduled.retention": WEB | AWS | MIGRATION | {"httpx"},
    "services.redeploy_instance": AWS | MIGRATION,
    "services.configure_instance": AWS | MIGRATION,
    "tasks.provision_tool": WEB | AWS | MIGRATION,
    "tasks.create_service": WEB | AWS | MIGRATION,
    "tasks.attach_volume": WEB | AWS | MIGRATION,
    "tasks.create_domain": WEB | AWS | MIGRATION,
    "tasks.deploy_instance": WEB | AWS | MIGRATION,
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
    return sorted(function.module for function in Template.load(TEMPLATE, {}).functions.values())


@cache
def list_loaded_modules(module: str) -> tuple[str, ...]:
    """List the modules that a function's import loads, in that order."""
    output = run_python(f"import json, sys, {module}; print(json.dumps(list(sys.modules)))")
    return tuple(json.loads(output))


def test_every_function_is_listed_here() -> None:
    assert list_handler_modules() == sorted(NOT_LOADED)


@pytest.mark.parametrize("module", sorted(NOT_LOADED))
def test_function_does_not_load(module: str) -> None:
    assert NOT_LOADED[module].intersection(list_loaded_modules(module)) == set()


@pytest.mark.parametrize("module", sorted(name for name, modules in NOT_LOADED.items() if "fastapi" not in modules))
def test_the_layer_is_loaded_before_fastapi(module: str) -> None:
    """Importing it sets the garbage collector's thresholds, and FastAPI's objects are the most that a start creates."""
    loaded = list_loaded_modules(module)
    assert "fastapi" not in loaded or loaded.index("pointsman") < loaded.index("fastapi")


def test_the_chat_protocols_load_no_more_than_a_stream() -> None:
    """They are loaded at the first request for them."""
    loaded = set(list_loaded_modules("pointsman.http.chat_protocols.chat_app"))
    assert loaded & (NOT_LOADED["agent.prompt_stream"] | {"ag_ui"}) == set()
    assert "pointsman.http.chat_protocols" not in list_loaded_modules("agent.prompt_stream")


def test_the_check_can_fail() -> None:
    assert "fastapi" in list_loaded_modules("services.healthz")
    assert "psycopg" in list_loaded_modules("tasks.close_operation")
