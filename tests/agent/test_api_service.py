"""Registration of tools and routes: each once, and none after the start."""

import pytest

from pointsman.agent import Agent, ApiService, PluginService, RouteContext, Services
from pointsman.errors import CompositionError, InvalidSetting, InvalidToolInput, NotFound, RouteFailed, ToolNotFound
from pointsman.settings.api import load_api_prefix
from tests.agent.sample_tools import SayInput, SayOutput, make_tool


@pytest.fixture
def api() -> ApiService:
    return ApiService(Services())


def hello(context: RouteContext) -> dict[str, object]:
    return {"hello": context.path["name"], "by": context.user_id}


def test_tools_are_found_by_id_and_listed_in_registration_order(api: ApiService) -> None:
    first, second, third = (make_tool(tool_id=f"words.{name}") for name in ("c", "a", "b"))
    api.expose_tool(first)
    api.expose_tools([second, third], tag="words")
    assert [(exposed.tool.id, exposed.tag) for exposed in api.tools] == [
        ("words.c", None),
        ("words.a", "words"),
        ("words.b", "words"),
    ]
    assert api.get_tool("words.a").tool is second


def test_a_tool_that_is_not_exposed_is_not_found(api: ApiService) -> None:
    with pytest.raises(ToolNotFound, match=r"no tool 'words\.say'") as refused:
        api.get_tool("words.say")
    assert (refused.value.status, refused.value.code) == (404, "TOOL_NOT_FOUND")


def test_a_second_tool_of_the_same_id_is_refused(api: ApiService) -> None:
    api.expose_tool(make_tool())
    with pytest.raises(CompositionError, match=r"words\.say is exposed already"):
        api.expose_tool(make_tool())


def test_nothing_is_registered_between_start_and_stop(api: ApiService) -> None:
    api.start()
    assert api.is_running
    for add in (
        lambda: api.expose_tool(make_tool()),
        lambda: api.register_route("GET", "/hello/{name}", hello),
        api.start,
    ):
        with pytest.raises(CompositionError, match="too late"):
            add()
    api.stop()
    assert not api.is_running
    api.expose_tool(make_tool())
    api.start()


def test_a_route_is_called_with_its_parameters_and_its_callers_id(api: ApiService) -> None:
    api.register_route("GET", "/hello/{name}", hello, summary="Greets", tag="words")
    (route,) = api.routes
    assert (route.parameters, route.public, route.summary) == (["name"], False, "Greets")
    assert route.call("user-1", api.services, {"name": "you"}, {}) == {"hello": "you", "by": "user-1"}


def test_a_routes_body_and_output_are_validated(api: ApiService) -> None:
    def say(context: RouteContext) -> dict[str, object]:
        return {"said": context.body.text, "length": len(context.body.text) if context.body.times == 1 else "wrong"}

    api.register_route("POST", "/say", say, input=SayInput, output=SayOutput)
    (route,) = api.routes
    assert route.call("", api.services, {}, {}, {"text": "ab"}) == {"said": "ab", "length": 2}
    with pytest.raises(InvalidToolInput, match="The request body is not valid"):
        route.call("", api.services, {}, {}, {"text": 5})
    with pytest.raises(RouteFailed, match=r"POST /say returned something that is not its output: length \(int_type\)"):
        route.call("", api.services, {}, {}, {"text": "ab", "times": 2})


def test_a_route_may_raise_pointsman_errors_and_all_others_are_failures(api: ApiService) -> None:
    def fail(context: RouteContext) -> dict[str, object]:
        raise NotFound("No such word") if context.query else ValueError("no way")

    api.register_route("GET", "/fail", fail)
    (route,) = api.routes
    with pytest.raises(NotFound, match="No such word"):
        route.call("", api.services, {}, {"a": "b"})
    with pytest.raises(RouteFailed, match="no way") as failed:
        route.call("", api.services, {}, {})
    assert (failed.value.status, failed.value.code) == (500, "ROUTE_ERROR")


def test_a_route_without_an_output_type_may_return_a_model_or_any_object(api: ApiService) -> None:
    api.register_route("GET", "/model", lambda _context: SayOutput(said="a", length=1))
    api.register_route("GET", "/none", lambda _context: None)  # type: ignore[arg-type, return-value]
    model, nothing = api.routes
    assert model.call("", api.services, {}, {}) == {"said": "a", "length": 1}
    with pytest.raises(RouteFailed, match="not its output"):
        nothing.call("", api.services, {}, {})


def test_routes_that_match_the_same_requests_are_rejected(api: ApiService) -> None:
    api.register_route("GET", "/hello/{name}", hello)
    api.register_route("PUT", "/hello/{name}", hello)
    api.register_route("GET", "/hello/you", hello)
    with pytest.raises(CompositionError, match=r"a route GET /hello/\{\} already"):
        api.register_route("GET", "/hello/{other}", hello)


def test_routes_of_one_path_share_parameter_names(api: ApiService) -> None:
    api.register_route("GET", "/hello/{name}", hello)
    with pytest.raises(CompositionError, match=r"as GET /hello/\{name\} does"):
        api.register_route("PUT", "/hello/{other}", hello)


@pytest.mark.parametrize(
    "path",
    ["/tools", "/tools/{x}/invoke", "/tools/words.say/invoke", "/docs/mine", "/openapi.json", "/prompts/{id}/stream"],
)
def test_the_agent_apis_own_paths_are_reserved(api: ApiService, path: str) -> None:
    with pytest.raises(CompositionError, match="the Agent API's own"):
        api.register_route("POST", path, hello)


@pytest.mark.parametrize("path", ["", "hello", "/", "/a//b", "/a/", "/a b", "/a{b}", "/{a}/{a}", "/{1}", "/é", "/a?b"])
def test_invalid_paths_are_rejected(api: ApiService, path: str) -> None:
    with pytest.raises(CompositionError):
        api.register_route("GET", path, hello)


def test_invalid_methods_and_bodies_are_rejected(api: ApiService) -> None:
    with pytest.raises(CompositionError, match="one of GET"):
        api.register_route("OPTIONS", "/hello", hello)  # type: ignore[arg-type]
    with pytest.raises(CompositionError, match="no body"):
        api.register_route("GET", "/hello", hello, input=SayInput)


def test_an_agent_provides_and_starts_both_services() -> None:
    agent = Agent(secrets={"KEY": "value"}, prefix="/v1")
    assert agent.services.get(ApiService) is agent.api
    assert agent.services.get(PluginService) is agent.plugins
    assert (agent.api.prefix, agent.services.secrets["KEY"]) == ("/v1", "value")
    assert agent.start() is agent
    assert agent.api.is_running
    with pytest.raises(CompositionError, match="started already"):
        agent.start()


def test_the_prefix_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_PREFIX", raising=False)
    assert Agent().api.prefix == "/api"
    monkeypatch.setenv("API_PREFIX", "/agents/v1")
    assert Agent().api.prefix == "/agents/v1"


@pytest.mark.parametrize("prefix", ["/", "api", "/api/", "//", "/a b", "/{x}"])
def test_an_invalid_prefix_is_named(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("API_PREFIX", prefix)
    with pytest.raises(InvalidSetting, match="API_PREFIX"):
        load_api_prefix()
