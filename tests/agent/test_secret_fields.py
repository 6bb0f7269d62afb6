"""Secret fields: what is masked of an input, what is found in results and errors, and how schemas say it."""

from typing import Any

import pytest
from pydantic import BaseModel

from pointsman.agent import Input, Invocation, Output, Services, Tool, ToolContext, describe_tool
from pointsman.agent.plugins.instances import Instances
from pointsman.agent.secret_fields import conceal, find_secret_texts, mask_all, mask_fields
from pointsman.errors import CompositionError, InvalidToolInput, ToolFailed


class Login(BaseModel):
    name: str
    password: str


class LoginInput(Input):
    site: str
    login: Login | None = None
    codes: list[str] = []  # noqa: RUF012 - pydantic copies it
    variables: dict[str, str] = {}  # noqa: RUF012


class LoginOutput(Output):
    said: str


PATHS = ["login.password", "codes.*", "variables.*"]


def make_login(invoke: Any = lambda context: LoginOutput(said=f"{context.input}"), **options: Any) -> Tool[Any, Any]:
    return Tool("site.login", "Logs in", LoginInput, LoginOutput, invoke, **{"secret_fields": PATHS, **options})


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"login": {"name": "a", "password": "b"}}, {"login": {"name": "a", "password": "***"}}),
        ({"login": {"password": {"deep": ["b"]}}}, {"login": {"password": "***"}}),
        ({"login": "b"}, {"login": "***"}),
        ({"login": ["b"]}, {"login": "***"}),
        ({"login": None, "site": "s"}, {"login": None, "site": "s"}),
        ({"codes": ["1", 2, None]}, {"codes": ["***", "***", None]}),
        ({"codes": {"a": "1"}}, {"codes": {"a": "***"}}),
        ({"variables": {"A": "1", "B": ["2"]}}, {"variables": {"A": "***", "B": "***"}}),
        ({"variables": 7}, {"variables": "***"}),
        ({"other": "o"}, {"other": "o"}),
        ("text", "***"),
    ],
)
def test_values_at_the_paths_are_masked(value: object, masked: object) -> None:
    assert mask_fields(value, PATHS) == masked
    assert mask_fields(masked, PATHS) == masked


def test_of_anything_else_all_values_are_masked() -> None:
    value = {"a": "x", "b": [1, 2.5, None, True, {"c": "y"}]}
    assert mask_all(value) == {"a": "***", "b": ["***", "***", None, True, {"c": "***"}]}


def test_texts_that_stand_elsewhere_in_the_input_are_no_secrets() -> None:
    value = {"site": "demo-1", "codes": ["demo-1", "123", "secret-1", 45678], "login": {"password": 'with "quotes"'}}
    assert find_secret_texts(value, PATHS) == ["secret-1", "45678", 'with "quotes"']
    assert find_secret_texts(value, []) == []
    found = conceal({"a": ["<secret-1>", 5, None], "b": 'with "quotes"'}, find_secret_texts(value, PATHS))
    assert found == {"a": ["<***>", 5, None], "b": "***"}
    assert conceal("abcdef", ["abc", "abcdef"]) == "***"


def test_secrets_are_in_no_result_and_no_error() -> None:
    arguments = {"site": "s", "login": {"name": "n", "password": "planted-1"}, "codes": ["planted-2"]}
    result = make_login().call(Invocation("u", Services()), arguments)
    assert "planted" not in str(result)
    assert "name='n'" in str(result)

    def fail(context: ToolContext[LoginInput]) -> LoginOutput:
        raise RuntimeError(f"refused {context.input.codes[0]}")

    with pytest.raises(ToolFailed, match=r"refused \*\*\*"):
        make_login(fail).call(Invocation("u", Services()), arguments)
    with pytest.raises(InvalidToolInput) as invalid:
        make_login().call(Invocation("u", Services()), {**arguments, "site": 1})
    assert "planted" not in str(invalid.value.issues)


def test_schema_says_what_is_secret() -> None:
    schema = describe_tool(make_login())["input"]
    assert schema["$defs"]["Login"]["properties"]["password"]["writeOnly"] is True
    assert schema["properties"]["codes"]["items"]["writeOnly"] is True
    assert schema["properties"]["variables"]["additionalProperties"]["writeOnly"] is True
    assert "writeOnly" not in schema["$defs"]["Login"]["properties"]["name"]
    configure = next(tool for tool in Instances.tools if tool.id == "instances.configure")
    (values,) = describe_tool(configure)["input"]["properties"]["variables"]["patternProperties"].values()
    assert values["writeOnly"] is True


@pytest.mark.parametrize("path", ["", "*", "none", "site.", ".site", "site..x", "none.*"])
def test_path_to_nothing_is_refused_when_the_tool_is_made(path: str) -> None:
    with pytest.raises(CompositionError, match="has no field"):
        make_login(secret_fields=[path])


def test_path_to_nothing_further_down_is_refused_when_the_tool_is_described() -> None:
    with pytest.raises(CompositionError, match=r"no field 'login\.token'"):
        describe_tool(make_login(secret_fields=["login.token"]))
