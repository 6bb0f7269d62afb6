"""The bundle behind a gateway that stands for CloudFront: the origin secret, identity caching, the gateway's errors."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.api_gateway import gateway
from local.api_gateway.http_request import MAX_BODY_BYTES
from local.lambda_service.invocation import InvocationResult
from local.settings import build_secrets
from local.template.sam_template import Template
from tests.harness.paths import TEMPLATE
from tests.local.gateway_harness import GatewayHarness

KEY, NEW_KEY, ORIGIN = "agent-key-planted", "another-agent-key", "https://app.example"
SETTINGS = {
    "SERVICES_API_KEY": "services-key-planted", "AGENT_API_KEY": KEY, "AgentAuth": "api_key", "AGENT_AUTH": "api_key",
    "ORIGIN_SECRET": "origin-secret-planted", "ApiCorsOrigin": f"{ORIGIN},https://other.example",
}  # fmt: skip
CALLER = {"Authorization": f"Bearer {KEY}", "X-User-Id": "u1"}
SERVICES_CALLER = {"Authorization": "Bearer services-key-planted"}


class Bundle(GatewayHarness):
    """A bundle whose invocations of functions are counted."""

    def __init__(self, log_folder: Path, template: Template) -> None:
        super().__init__(log_folder, template=template)
        self.invocations: Counter[str] = Counter()
        invoke = self.lambda_service.invoke

        async def count_and_invoke(name: str, payload: bytes) -> InvocationResult:
            self.invocations[name] += 1
            return await invoke(name, payload)

        self.lambda_service.invoke = count_and_invoke  # type: ignore[method-assign]

    @property
    def authorizer_calls(self) -> int:
        return self.invocations["AgentAuthorizerFunction"]


@contextmanager
def serve_bundle(folder: Path, text: str = "", /, **changes: str) -> Iterator[Bundle]:
    """Serve the bundle's template, or a changed text of it, with a test's settings; there is no database."""
    path = TEMPLATE
    if text:
        path = folder / "template.yaml"
        path.write_text(text)
        for name in ("functions", "layers", "statemachines"):
            (folder / name).symlink_to(TEMPLATE.parent / name)
    settings = {**SETTINGS, **changes}
    template = Template.load(path, settings)
    # There is no Secrets Manager, so secrets are variables, which win over it.
    secrets = {name: value for secret in build_secrets(settings).values() for name, value in secret.items()}
    functions = {
        name: replace(function, environment={**function.environment, **secrets, "SECRET_PREFIX": ""})
        for name, function in template.functions.items()
    }
    harness = Bundle(folder / "logs", replace(template, functions=functions))
    try:
        yield harness
    finally:
        harness.close()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    with serve_bundle(tmp_path_factory.mktemp("edge")) as harness:
        yield harness


@pytest.fixture(scope="module")
def direct_bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """The same at the APIs' own addresses: nothing adds CloudFront's header."""
    text = TEMPLATE.read_text().replace("AWS::CloudFront::Distribution", "AWS::CloudFront::StreamingDistribution")
    with serve_bundle(tmp_path_factory.mktemp("direct"), text) as harness:
        yield harness


def get_error(harness: Bundle, method: str, path: str, **headers: str) -> tuple[int, Any, Any]:
    """Send a request; return status, body and headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with harness.request(method, path, b"{}" if method == "POST" else None, given) as response:
        return response.status, json.loads(response.read() or b"null"), response.headers


def test_a_request_through_cloudfront_is_served(bundle: Bundle) -> None:
    assert get_error(bundle, "GET", "/registry", **SERVICES_CALLER)[0] == 200
    assert get_error(bundle, "GET", "/api/capabilities", **CALLER)[0] == 200


def test_a_request_past_cloudfront_is_refused_in_each_apis_shape(direct_bundle: Bundle) -> None:
    status, body, _ = get_error(direct_bundle, "GET", "/registry", **SERVICES_CALLER)
    assert (status, body["code"]) == (403, "FORBIDDEN")
    status, body, _ = get_error(direct_bundle, "GET", "/api/capabilities", **CALLER)
    assert (status, body["error"]["code"]) == (403, "FORBIDDEN")
    guessed = get_error(direct_bundle, "GET", "/registry", **SERVICES_CALLER, x_origin_secret="guessed")
    assert guessed[0] == 403
    status, body, _ = get_error(direct_bundle, "POST", "/api/prompt", **CALLER, x_origin_secret="guessed")
    assert (status, body["error"]["code"]) == (403, "FORBIDDEN")


def test_a_stream_request_without_the_header_does_not_reach_the_authorizer(direct_bundle: Bundle) -> None:
    status, body, _ = get_error(direct_bundle, "POST", "/api/prompt", **CALLER)
    assert (status, body["error"]["code"]) == (401, "AUTH_REQUIRED")


def test_public_pages_need_neither(direct_bundle: Bundle) -> None:
    assert get_error(direct_bundle, "GET", "/healthz")[0] == 200


def test_a_client_cannot_choose_the_header(bundle: Bundle) -> None:
    assert get_error(bundle, "GET", "/registry", **SERVICES_CALLER, x_origin_secret="guessed")[0] == 200


@pytest.mark.parametrize("name", ["ORIGIN_SECRET", "ORIGIN_SECRET_2"])
def test_during_a_rotation_both_secrets_are_accepted(tmp_path: Path, name: str) -> None:
    with serve_bundle(tmp_path, ORIGIN_SECRET_2="the-next-secret", OriginSecretKey=name) as harness:
        assert get_error(harness, "GET", "/registry", **SERVICES_CALLER)[0] == 200


def test_the_secret_is_in_no_log(direct_bundle: Bundle) -> None:
    get_error(direct_bundle, "GET", "/registry", **SERVICES_CALLER, x_origin_secret="a-planted-guess")
    output = direct_bundle.console_output.getvalue()
    output += "".join(path.read_text() for path in direct_bundle.log_folder.rglob("*.log"))
    for text in ("a-planted-guess", SETTINGS["ORIGIN_SECRET"]):
        assert text not in output


def test_a_stream_without_credentials_is_refused_by_the_gateway_in_the_contracts_shape(bundle: Bundle) -> None:
    for headers in ({}, {"X-User-Id": "u1"}, {"Authorization": f"Bearer {KEY}"}):
        calls = bundle.authorizer_calls
        status, body, response_headers = get_error(bundle, "POST", "/api/prompt", **headers)
        assert (status, body["error"]["code"]) == (401, "AUTH_REQUIRED")
        assert set(body["error"]) == {"code", "message"}
        assert response_headers["x-request-id"] == response_headers["apigw-requestid"]
        assert response_headers["www-authenticate"] == "Bearer"
        assert bundle.authorizer_calls == calls


def test_an_authorizers_result_is_cached_by_key_and_user(bundle: Bundle) -> None:
    def send(key: str, user: str) -> int:
        # PATCH is refused after the caller is known, and before there would have to be a database.
        return get_error(bundle, "PATCH", "/api/prompt", Authorization=f"Bearer {key}", X_User_Id=user)[0]

    calls = bundle.authorizer_calls
    assert [send(KEY, "cached-user"), send(KEY, "cached-user")] == [405, 405]
    assert bundle.authorizer_calls == calls + 1
    assert send(KEY, "another-user") == 405
    assert send(NEW_KEY, "cached-user") == 401
    assert bundle.authorizer_calls == calls + 3


@pytest.mark.limit("authorizer-results")
def test_only_the_newest_results_of_authorizers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MAX_CACHED_RESULTS", 3)
    with serve_bundle(tmp_path) as harness:

        def asks_authorizer(user: str) -> bool:
            calls = harness.authorizer_calls
            get_error(harness, "PATCH", "/api/prompt", Authorization=f"Bearer {KEY}", X_User_Id=user)
            return harness.authorizer_calls > calls

        assert [asks_authorizer(user) for user in "abc"] == [True] * 3
        assert [asks_authorizer(user) for user in "abc"] == [False] * 3
        assert asks_authorizer("d")
        assert [asks_authorizer(user) for user in "bcd"] == [False] * 3
        assert asks_authorizer("a")


def test_an_http_api_asks_its_authorizer_each_time(bundle: Bundle) -> None:
    calls = bundle.authorizer_calls
    for _ in range(2):
        assert get_error(bundle, "GET", "/api/capabilities", **CALLER)[0] == 200
    assert bundle.authorizer_calls == calls + 2


def test_a_preflight_needs_no_credentials(tmp_path: Path) -> None:
    with serve_bundle(tmp_path, API_CORS_ORIGIN=ORIGIN) as harness:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        with harness.request("OPTIONS", "/api/prompt", None, headers) as response:
            assert (response.status, response.headers["access-control-allow-origin"]) == (200, ORIGIN)


@pytest.mark.parametrize(
    ("path", "code"), [("/api/prompt", "PAYLOAD_TOO_LARGE"), ("/api/tools/x/invoke", None)], ids=["REST", "HTTP"]
)
@pytest.mark.parametrize(
    ("origin", "is_allowed"), [(ORIGIN, True), ("https://other.example", True), ("https://x.example", False)]
)
def test_the_gateways_own_errors_have_cors_headers(
    bundle: Bundle, path: str, code: str | None, origin: str, is_allowed: bool
) -> None:
    with bundle.request("POST", path, b"x" * (MAX_BODY_BYTES + 1), {"Origin": origin}) as response:
        assert response.status == 413
        assert response.headers["access-control-allow-origin"] == (origin if is_allowed else None)
        error = json.loads(response.read())["error"]
        assert code is None or error["code"] == code


def test_the_services_api_has_no_cors_headers(bundle: Bundle) -> None:
    headers = get_error(bundle, "GET", "/registry", **SERVICES_CALLER, Origin=ORIGIN)[2]
    assert headers["access-control-allow-origin"] is None
