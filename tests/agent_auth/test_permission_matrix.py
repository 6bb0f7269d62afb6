"""Who may do what: every tool and every route, by every kind of caller, over HTTP.

The tables below are the decisions; the tools and routes themselves come from the bundle and the template, so one that
no decision is about fails.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import httpx
import pytest

from composition import compose
from local.template.sam_template import Template
from pointsman.agent.tool import AnyTool
from tests.agent_auth.token_issuer import AUDIENCE, ISSUER, Issuer, Key, run_issuer
from tests.harness.checkout import link_checkout
from tests.harness.openapi_checks import list_app_operations
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import RunnerProcess

KEY, READ_KEY = "services-key-of-the-matrix", "read-key-of-the-matrix"
ANY_USER, READ, WRITE = "", "fleet:read", "fleet:write"

TOOLS = {
    "conversation.create": ANY_USER, "conversation.list": ANY_USER, "conversation.get": ANY_USER,
    "conversation.delete": ANY_USER, "time.now": ANY_USER, "instances.registry": READ, "instances.list": READ,
    "instances.status": READ, "instances.create": WRITE, "instances.destroy": WRITE, "instances.redeploy": WRITE,
    "instances.configure": WRITE,
}  # fmt: skip
"""The permission that each tool of the bundle needs."""

Access = Literal["everybody", "user", "reader", "writer"]
ROUTES: dict[tuple[str, str], Access] = {
    ("GET", "/console"): "everybody", ("GET", "/console/{asset}"): "everybody",
    ("GET", "/healthz"): "everybody", ("GET", "/registry"): "reader", ("GET", "/openapi.json"): "reader",
    ("POST", "/create-instance"): "writer", ("DELETE", "/destroy/{instanceId}"): "writer",
    ("POST", "/redeploy/{instanceId}"): "writer", ("POST", "/configure/{instanceId}"): "writer",
    ("POST", "/provision/{instanceId}/{toolId}"): "writer",
    ("DELETE", "/destroy/{instanceId}/{toolId}/{resourceId}"): "writer", ("POST", "/status/batch"): "reader",
    ("GET", "/operations/{operationId}"): "reader", ("POST", "/operations/{operationId}/retry"): "writer",
    ("POST", "/operations/{operationId}/abandon"): "writer", ("GET", "/dashboard/instances"): "reader",
    ("GET", "/dashboard/credits"): "reader", ("GET", "/maintenance"): "reader", ("PUT", "/maintenance"): "writer",
    ("GET", "/audit"): "reader", ("GET", "/instances"): "reader", ("GET", "/instances/{instanceId}"): "reader",
    ("GET", "/operations"): "reader", ("GET", "/api/prompts"): "user",
    ("GET", "/fleet/history"): "reader", ("GET", "/orphans"): "reader", ("GET", "/health/details"): "reader",
    ("GET", "/api/capabilities"): "user", ("GET", "/api/tools"): "user", ("POST", "/api/tools/{toolId}/invoke"): "user",
    ("GET", "/api/approvals"): "user", ("GET", "/api/prompts/{promptId}"): "user",
    ("POST", "/api/prompts/{promptId}/approve"): "user", ("POST", "/api/prompts/{promptId}/reject"): "user",
    ("POST", "/api/prompts/{promptId}/cancel"): "user", ("POST", "/api/prompt"): "user",
    ("GET", "/api/prompts/{promptId}/stream"): "user", ("GET", "/api/openapi.json"): "everybody",
    **{("GET", path): "reader" for path in ("/webhooks", "/webhooks/{webhookId}", "/webhooks/{webhookId}/deliveries")},
    ("POST", "/webhooks"): "writer", ("PATCH", "/webhooks/{webhookId}"): "writer",
    ("DELETE", "/webhooks/{webhookId}"): "writer", ("POST", "/webhooks/{webhookId}/rotate-secret"): "writer",
    ("POST", "/webhooks/{webhookId}/test"): "writer",
    ("POST", "/webhooks/{webhookId}/deliveries/{deliveryId}/replay"): "writer",
    ("GET", "/api/webhooks"): "user", ("POST", "/api/webhooks"): "user",
    **{(method, "/api/webhooks/{webhookId}"): "user" for method in ("GET", "PATCH", "DELETE")},
    ("POST", "/api/webhooks/{webhookId}/rotate-secret"): "user", ("POST", "/api/webhooks/{webhookId}/test"): "user",
    ("GET", "/api/webhooks/{webhookId}/deliveries"): "user",
    ("POST", "/api/webhooks/{webhookId}/deliveries/{deliveryId}/replay"): "user",
    ("POST", "/mcp"): "user",
    ("POST", "/api/agui"): "user", ("POST", "/api/chat"): "user", ("GET", "/api/chat/{chatId}/stream"): "user",
    ("GET", "/api/docs"): "everybody", ("GET", "/api/docs/{asset}"): "everybody",
}  # fmt: skip
"""Who may use each route: with a key of the Services API to read or to write, or as a user of the Agent API."""

GRANTS: Mapping[str, tuple[str, ...]] = {"user": (), "viewer": (READ,), "operator": (READ, WRITE), "other": ("x:y",)}
"""The permissions of each kind of user of the Agent API."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with run_issuer(Key("RS256").public_jwk()) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def url(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bundle with both keys of the Services API, whose users have tokens."""
    with RunnerProcess.with_simulated_providers(
        link_checkout(tmp_path_factory.mktemp("matrix")), SERVICES_API_KEY=KEY, SERVICES_READ_API_KEY=READ_KEY,
        AGENT_AUTH="jwt", JWT_ISSUER=ISSUER, JWT_AUDIENCE=AUDIENCE, JWT_JWKS_URL=issuer.url,
    ) as runner:  # fmt: skip
        yield runner.url


def make_headers(caller: str) -> dict[str, str]:
    """The credential of a kind of caller."""
    credentials = {
        "nobody": "", "wrong key": "Bearer wrong", "reader": f"Bearer {READ_KEY}", "writer": f"Bearer {KEY}",
        **{
            kind: f"Bearer {Key('RS256').sign_token(sub=f'{kind}-1', scope=' '.join(grants))}"
            for kind, grants in GRANTS.items()
        },
    }  # fmt: skip
    return {"Authorization": credentials[caller]} if credentials[caller] else {}


def call(url: str, method: str, path: str, caller: str, body: object = None) -> tuple[int, str]:
    """Send a request; returns the status, and the error's code. The body of a stream is not read."""
    filled = path
    for name, value in {
        "instanceId": "matrix-1", "toolId": "openrouter" if "provision" in path or "destroy" in path else "time.now",
        "resourceId": "none", "operationId": "none", "promptId": "none", "asset": "none",
        "webhookId": "none", "deliveryId": "none",
    }.items():  # fmt: skip
        filled = filled.replace(f"{{{name}}}", value)
    # An empty body is not valid anywhere, so nothing is created.
    content = {} if body is None else body
    with httpx.stream(
        method, url + filled, headers=make_headers(caller), json=None if method == "GET" else content, timeout=60
    ) as response:
        if "json" not in response.headers.get("content-type", ""):
            return response.status_code, ""
        response.read()
        parsed: Any = response.json()
    error = parsed.get("error") if isinstance(parsed, dict) else None
    code = error.get("code") if isinstance(error, dict) else parsed.get("code", "") if error else ""
    return response.status_code, code or ""


def test_every_tool_and_every_route_is_decided() -> None:
    agent = compose()
    assert {exposed.tool.id: exposed.tool.requires for exposed in agent.api.tools} == TOOLS
    template = Template.load(CHECKOUT / "template.yaml", {})
    declared = {(route.method, route.path) for route in template.routes if route.method not in ("ANY", "OPTIONS")}
    # Their routes in the template are greedy.
    declared |= list_app_operations("services.fleet_webhooks") | list_app_operations("agent.user_webhooks", "/api")
    assert declared == set(ROUTES)
    assert not agent.api.routes


@pytest.mark.parametrize(("route", "access"), [*ROUTES.items()], ids=" ".join)
def test_a_route_is_for_whom_the_table_says(url: str, route: tuple[str, str], access: Access) -> None:
    method, path = route
    is_agent_route = path.startswith(("/api", "/mcp"))
    callers = {"nobody", "wrong key", *(GRANTS if is_agent_route else ("reader", "writer"))}
    for caller in callers:
        status, code = call(url, method, path, caller)
        is_known = caller in GRANTS or caller in ("reader", "writer")
        if access != "everybody" and not is_known:
            assert status == 401, caller
        elif access == "writer" and caller == "reader":
            assert (status, code) == (403, "FORBIDDEN")
        else:
            assert (status, code) not in ((401, "UNAUTHENTICATED"), (401, "AUTH_REQUIRED"), (403, "FORBIDDEN")), caller


@pytest.mark.parametrize("caller", ["reader", "writer"])
def test_a_key_of_the_services_api_is_no_user(url: str, caller: str) -> None:
    assert call(url, "GET", "/api/tools", caller) == (401, "AUTH_REQUIRED")


@pytest.mark.parametrize("caller", [*GRANTS])
def test_a_user_has_no_access_to_the_services_api(url: str, caller: str) -> None:
    assert call(url, "GET", "/registry", caller)[0] == 401


@pytest.mark.parametrize("caller", [*GRANTS])
def test_a_tool_is_listed_and_called_by_who_may_use_it(url: str, caller: str) -> None:
    usable = {tool_id for tool_id, required in TOOLS.items() if not required or required in GRANTS[caller]}
    listed = httpx.get(f"{url}/api/tools", headers=make_headers(caller), timeout=60).json()["tools"]
    assert {tool["id"] for tool in listed} == usable
    tools: dict[str, AnyTool] = {exposed.tool.id: exposed.tool for exposed in compose().api.tools}
    for tool_id, tool in tools.items():
        status, code = call(url, "POST", f"/api/tools/{tool_id}/invoke", caller, dict(tool.example or {}))
        assert ((status, code) == (403, "FORBIDDEN")) is (tool_id not in usable), tool_id
        # Who may not use a tool learns nothing of its input.
        if tool_id not in usable:
            assert call(url, "POST", f"/api/tools/{tool_id}/invoke", caller, {"no": "such"}) == (403, "FORBIDDEN")
