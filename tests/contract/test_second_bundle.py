"""A second bundle: its own composition root, with plugins of its own."""

import shutil
from collections.abc import Iterator

import httpx
import jsonschema
import pytest

from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.checkout import link_checkout
from tests.harness.clients import agent_client, open_client
from tests.harness.openapi_checks import check_descriptions, check_examples, check_names, iterate_operations
from tests.harness.paths import CHECKOUT
from tests.harness.runner_process import RunnerProcess

COMPOSITION = '''
from pydantic import BaseModel, Field

from pointsman.agent import Agent, Plugin, Tool
from pointsman.errors import NotFound


class Name(BaseModel):
    name: str = Field(min_length=1, max_length=20)


class Greeting(BaseModel):
    text: str


class Anything(BaseModel):
    pass


class CallContext(BaseModel):
    user: str
    state: dict
    secrets: list[str]
    services: list[str]
    file: None


class Settings(BaseModel):
    word: str = "Hello"


class Counter:
    """A service of the first plugin that the second uses."""

    def __init__(self):
        self.order = []


class Greetings(Plugin):
    id = "greetings"
    config = Settings

    def setup(self, services, config):
        self.word = config.word
        self.counter = Counter()
        services.provide(Counter, self.counter)
        self.counter.order.append("setup greetings")

    def ready(self, services):
        self.counter.order.append("ready greetings")

    def greet(self, context):
        return {"text": f"{self.word} {context.input.name}", "more": "is left out"}

    @property
    def tools(self):
        return [
            Tool("greetings.greet", "Greets", Name, Greeting, self.greet, example={"name": "Ada"}),
            Tool("greetings.context", "Returns what it is called with", Anything, CallContext, describe_context),
            Tool("greetings.order", "Returns the order of the hooks", Anything, Order,
                 lambda context: {"order": context.services.get(Counter).order}),
            Tool("greetings.raise", "Raises", Anything, Greeting, raise_error),
            Tool("greetings.mute", "Raises without a word", Anything, Greeting, raise_without_text),
            Tool("greetings.exit", "Ends", Anything, Greeting, lambda context: exit("the end")),
            Tool("greetings.leak", "Raises with a secret", Anything, Greeting, raise_with_secret),
            Tool("greetings.wrong", "Returns something else", Anything, Greeting, lambda context: {"text": 5}),
            Tool("greetings.shout", "Shouts", Name, Greeting, self.greet,
                 approval=lambda given: "It is loud" if given.name.isupper() else None),
            Tool("greetings.edit", "Changes the words", Name, Greeting, self.greet, requires="words:write"),
        ]


class Order(BaseModel):
    order: list[str]


class Follower(Plugin):
    id = "follower"

    def setup(self, services, config):
        services.get(Counter).order.append("setup follower")

    def ready(self, services):
        services.get(Counter).order.append("ready follower")


def describe_context(context):
    return {
        "user": context.user_id, "state": context.state, "secrets": sorted(context.secrets),
        "services": [kind.__name__ for kind in (Counter,) if kind in context.services],
        "file": context.output_file("a.txt", "text/plain", "a file"),
    }


def raise_error(context):
    raise ValueError("the cat is out")


def raise_without_text(context):
    raise LookupError


def raise_with_secret(context):
    raise ValueError("the key is " + context.secrets["WEATHER_KEY"])


def fail(context):
    raise RuntimeError("the route is broken")


def raise_not_found(context):
    raise NotFound("No such greeting")


def compose():
    agent = Agent(secrets={"WEATHER_KEY": "planted-secret"})
    greetings = agent.plugins.register(Greetings(), {"word": "Moin"})
    agent.plugins.register(Follower())
    agent.api.expose_tools(greetings.tools, tag="greetings")
    route = agent.api.register_route
    route("GET", "/hello/{name}", lambda call: {"text": f"Hello {call.path['name']}", "query": dict(call.query),
          "user": call.user_id}, summary="Say hello", tag="hello")
    route("PUT", "/hello/{name}", lambda call: call.body, input=Name, output=Name)
    route("GET", "/hello/world", lambda call: {"text": "written out"})
    route("GET", "/open", lambda call: {"user": call.user_id}, public=True)
    route("POST", "/open", lambda call: {"user": call.user_id})
    route("GET", "/broken", fail)
    route("GET", "/missing", raise_not_found)
    route("GET", "/wrong", lambda call: {"name": ""}, output=Name)
    route("GET", "/tools/{id}", lambda call: {"id": call.path["id"]})
    route("DELETE", "/words", lambda call: {"user": call.user_id}, requires="words:write")
    return agent.start()
'''


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """The checkout's template and code, with the composition root above in place of the bundle's."""
    root = link_checkout(tmp_path_factory.mktemp("bundle"), without="layers")
    shutil.copytree(CHECKOUT / "layers", root / "layers", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "layers/shared/composition.py").write_text(COMPOSITION)
    permissions = {"AGENT_OPERATORS": "ada", "ROLE_PERMISSIONS": "operator=words:*"}
    with RunnerProcess(root, **permissions) as running:
        yield running


@pytest.fixture
def agent(bundle: RunnerProcess) -> Iterator[httpx.Client]:
    with agent_client(bundle.url, "ada") as client:
        yield client


def test_plugins_of_the_bundle_are_listed_with_their_tools(agent: httpx.Client) -> None:
    assert agent.get("/capabilities").json() == {"plugins": ["greetings", "follower"]}
    listed = {tool["id"]: tool for tool in agent.get("/tools").json()["tools"]}
    assert len(listed) == 10
    greet = listed["greetings.greet"]
    assert (greet["tag"], greet["description"]) == ("greetings", "Greets")
    assert greet["input"]["properties"]["name"]["maxLength"] == 20
    jsonschema.validate({"text": "Moin"}, greet["output"])
    expect_error(invoke_tool(agent, "time.now"), 404, "TOOL_NOT_FOUND")


def test_tools_of_the_bundle_are_invoked_with_their_configuration(agent: httpx.Client) -> None:
    assert get_result(invoke_tool(agent, "greetings.greet", {"name": "Ada"})) == {"text": "Moin Ada"}
    error = expect_error(invoke_tool(agent, "greetings.greet", {"name": ""}), 422, "VALIDATION_ERROR")
    assert error["details"][0]["path"] == ["name"]


def test_ready_runs_after_every_setup_and_in_order(agent: httpx.Client) -> None:
    assert get_result(invoke_tool(agent, "greetings.order"))["order"] == [
        "setup greetings", "setup follower", "ready greetings", "ready follower",
    ]  # fmt: skip


def test_a_tool_is_called_with_the_contracts_context(agent: httpx.Client) -> None:
    assert get_result(invoke_tool(agent, "greetings.context")) == {
        "user": "ada", "state": {}, "secrets": ["WEATHER_KEY"], "services": ["Counter"], "file": None,
    }  # fmt: skip


@pytest.mark.parametrize(("tool", "message"), [
    ("greetings.raise", "the cat is out"), ("greetings.mute", "LookupError"), ("greetings.exit", "the end"),
    ("greetings.leak", "the key is ***"),
])  # fmt: skip
def test_a_tool_that_raises_is_500(agent: httpx.Client, tool: str, message: str) -> None:
    assert expect_error(invoke_tool(agent, tool), 500, "TOOL_ERROR")["message"] == message
    assert get_result(invoke_tool(agent, "greetings.greet", {"name": "Ada"}))


def test_a_tool_with_an_invalid_output_is_500_and_names_the_field(agent: httpx.Client) -> None:
    message = expect_error(invoke_tool(agent, "greetings.wrong"), 500, "TOOL_ERROR")["message"]
    assert message.startswith("greetings.wrong returned something that is not its output: text")


def test_an_approval_depends_on_the_input(agent: httpx.Client) -> None:
    assert get_result(invoke_tool(agent, "greetings.shout", {"name": "Ada"})) == {"text": "Moin Ada"}
    assert (
        "It is loud"
        in expect_error(invoke_tool(agent, "greetings.shout", {"name": "ADA"}), 403, "APPROVAL_REQUIRED")["message"]
    )


def test_a_route_gets_decoded_parameters_the_query_and_the_user(agent: httpx.Client) -> None:
    response = agent.get("/hello/%C3%9C%20b%2541?a=1&b=%2B&a=2")
    assert response.status_code == 200, response.text
    assert response.json() == {"text": "Hello Ü b%41", "query": {"a": "2", "b": "+"}, "user": "ada"}
    assert response.headers["content-type"] == "application/json"


def test_a_literal_path_takes_precedence_over_a_parameter(agent: httpx.Client) -> None:
    assert agent.get("/hello/world").json() == {"text": "written out"}
    assert agent.get("/tools/time.now").json() == {"id": "time.now"}


def test_a_routes_body_is_validated(agent: httpx.Client) -> None:
    assert agent.put("/hello/x", json={"name": "Ada"}).json() == {"name": "Ada"}
    assert expect_error(agent.put("/hello/x"), 422, "VALIDATION_ERROR")["details"][0]["path"] == ["name"]
    expect_error(agent.put("/hello/x", content=b"{"), 422, "VALIDATION_ERROR")
    expect_error(agent.put("/hello/x", content=b" " * 1_100_000), 413, "PAYLOAD_TOO_LARGE")


def test_a_route_that_fails_is_500_and_its_own_errors_are_kept(agent: httpx.Client) -> None:
    assert expect_error(agent.get("/broken"), 500, "ROUTE_ERROR")["message"] == "the route is broken"
    assert "not its output: name" in expect_error(agent.get("/wrong"), 500, "ROUTE_ERROR")["message"]
    assert expect_error(agent.get("/missing"), 404, "NOT_FOUND")["message"] == "No such greeting"


def test_other_methods_of_a_route_are_405_and_head_is_get_without_a_body(agent: httpx.Client) -> None:
    response = agent.delete("/hello/x")
    expect_error(response, 405, "METHOD_NOT_ALLOWED")
    assert {*response.headers["allow"].split(", ")} == {"GET", "HEAD", "PUT"}
    response = agent.head("/hello/x")
    assert (response.status_code, response.content) == (200, b"")
    expect_error(agent.get("/hello"), 404, "NOT_FOUND")
    expect_error(agent.get("/hello/a/b"), 404, "NOT_FOUND")


def test_who_lacks_the_permission_of_a_route_or_a_tool_may_not_use_it(
    bundle: RunnerProcess, agent: httpx.Client
) -> None:
    assert agent.delete("/words").json() == {"user": "ada"}
    assert get_result(invoke_tool(agent, "greetings.edit", {"name": "Ada"})) == {"text": "Moin Ada"}
    with agent_client(bundle.url, "grace") as grace:
        error = expect_error(grace.delete("/words"), 403, "FORBIDDEN")
        assert error["message"] == "DELETE /words needs the permission words:write"
        expect_error(invoke_tool(grace, "greetings.edit", {"name": "Ada"}), 403, "FORBIDDEN")
        assert "greetings.edit" not in [tool["id"] for tool in grace.get("/tools").json()["tools"]]


def test_only_a_public_route_needs_no_user(bundle: RunnerProcess, agent: httpx.Client) -> None:
    with open_client(f"{bundle.url}/api") as client:
        assert client.get("/open").json() == {"user": ""}
        for method, path in (("POST", "/open"), ("GET", "/hello/x"), ("DELETE", "/open"), ("GET", "/none")):
            expect_error(client.request(method, path), 401, "AUTH_REQUIRED")
    assert (agent.get("/open").json(), agent.post("/open").json()) == ({"user": "ada"}, {"user": "ada"})


def test_without_the_conversation_plugin_a_conversation_id_is_422(agent: httpx.Client) -> None:
    body = {"input": "Hello", "conversationId": "conv-" + "0" * 32}
    expect_error(agent.post("/prompt", json=body), 422, "FEATURE_UNAVAILABLE")
    expect_error(agent.get("/chat/thread-1/stream"), 422, "FEATURE_UNAVAILABLE")


def test_exposed_tools_and_routes_are_documented(agent: httpx.Client) -> None:
    document = agent.get("/openapi.json").json()
    paths = document["paths"]
    assert "/api/tools/greetings.greet/invoke" in paths
    assert "/api/tools/time.now/invoke" not in paths
    assert {"get", "put"} <= set(paths["/api/hello/{name}"])
    operation_ids = [operation["operationId"] for _, _, operation in iterate_operations(document)]
    assert {"callGreetingsGreet", "getHelloByName", "putHelloByName", "getHelloWorld"} <= set(operation_ids)
    check_names(document)
    check_descriptions(document)
    check_examples(document)
