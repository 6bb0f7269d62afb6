from collections.abc import Mapping
from pathlib import Path

import pytest

from local.errors import TemplateError
from local.template.aws_identifiers import build_function_arn, build_state_machine_arn
from local.template.sam_template import Template
from tests.harness.checkout import FIXTURE

RESOURCES = "Resources:\n"
FUNCTION_RESOURCE = (
    "  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      Handler: a.handler\n"
)


def load_template(tmp_path: Path, text: str, overrides: Mapping[str, str] | None = None) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return Template.load(path, overrides or {})


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.load(FIXTURE / "template.yaml", {"RAILWAY_API_TOKEN": "token-of-shell", "API_KEY": "unused"})


def test_globals_are_merged_into_a_function_and_its_own_variables_win(template: Template) -> None:
    echo = template.functions["Echo"]
    assert (echo.timeout, echo.memory, echo.handler) == (10, 256, "things.echo.handler")
    assert echo.environment["STAGE"] == "dev"
    assert echo.environment["SHARED"] == "from function"
    assert echo.code_folder == FIXTURE / "functions"
    assert echo.layers == (FIXTURE / "layers/shared",)


def test_intrinsics_in_variables_are_resolved(template: Template) -> None:
    variables = template.functions["Echo"].environment
    assert variables["MACHINE"] == build_state_machine_arn("Chain")
    assert variables["JOINED"] == "a-us-east-1"
    assert variables["CHOSEN"] == "small"
    assert "LEFT_OUT" not in variables
    assert template.functions["Start"].environment["MACHINE"] == build_state_machine_arn("Chain")


def test_a_condition_sees_an_overridden_parameter() -> None:
    variables = Template.load(FIXTURE / "template.yaml", {"Stage": "prod"}).functions["Echo"].environment
    assert (variables["CHOSEN"], variables["LEFT_OUT"], variables["STAGE"]) == ("big", "x", "prod")


def test_a_variable_of_the_shell_wins_over_the_template(template: Template) -> None:
    assert template.functions["Echo"].environment["RAILWAY_API_TOKEN"] == "token-of-shell"


def test_a_variable_of_the_shell_that_the_template_does_not_name_is_not_given(template: Template) -> None:
    assert "API_KEY" not in template.functions["Echo"].environment
    assert "RAILWAY_API_TOKEN" not in template.functions["Healthz"].environment


def test_sub_takes_a_map_attributes_and_literals(tmp_path: Path) -> None:
    text = (
        RESOURCES
        + FUNCTION_RESOURCE
        + (
            "      Environment:\n        Variables:\n"
            '          A: !Sub ["${X}/${F.Arn}/${!Y}/${AWS::AccountId}", {X: !Ref F}]\n'
        )
    )
    value = load_template(tmp_path, text).functions["F"].environment["A"]
    assert value == f"F/{build_function_arn('F')}/${{Y}}/123456789012"


def test_routes_have_their_authorizers(template: Template) -> None:
    routes = {route.key: (route.function, route.authorizer) for route in template.routes}
    assert routes["GET /healthz"] == ("Healthz", None)
    assert routes["ANY /echo/{id}"] == ("Echo", "Key")
    assert routes["$default"] == ("NotFound", None)
    assert template.authorizers["Key"].function == "Authorizer"


def test_schedules_and_state_machines_are_read(template: Template) -> None:
    rate, disabled = template.schedules
    assert (rate.function, rate.expression, rate.enabled, rate.uses_eventbridge_scheduler) == (
        "Tick",
        "rate(1 minute)",
        True,
        True,
    )
    assert (disabled.enabled, disabled.payload) == (False, '{"a": 1}')
    assert template.state_machines[0].substitutions == {"StepArn": build_function_arn("Step")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RESOURCES + "  T:\n    Type: AWS::DynamoDB::Table\n", "T: AWS::DynamoDB::Table is not supported"),
        (RESOURCES + FUNCTION_RESOURCE + "      Timeout: !Select [0, [1]]\n", "F.Timeout: Fn::Select is not supported"),
        (RESOURCES + FUNCTION_RESOURCE + "      Timeout: !Ref Nothing\n", "F.Timeout: Nothing is not known"),
        (
            RESOURCES + FUNCTION_RESOURCE + "      Events: {E: {Type: SQS}}\n",
            "F.Events.E: events of type SQS are not supported",
        ),
        (
            RESOURCES + FUNCTION_RESOURCE.replace("CodeUri: .", "CodeUri: nowhere"),
            "F: the folder of its CodeUri is missing",
        ),
        (
            "Parameters: {P: {Type: String}}\n" + RESOURCES + FUNCTION_RESOURCE + "      Timeout: !Ref P\n",
            "F.Timeout: the parameter P has no default",
        ),
        (
            RESOURCES
            + FUNCTION_RESOURCE
            + "      Events: {E: {Type: HttpApi, Properties: {Path: /, Auth: {Authorizer: Nobody}}}}\n",
            "F.Events.E: the authorizer Nobody does not exist",
        ),
        (
            RESOURCES
            + FUNCTION_RESOURCE
            + '      Environment: {Variables: {A: !Sub "{{resolve:secretsmanager:s:SecretString:${AWS::Region}}}"}}\n',
            "F: the variable A is a dynamic reference, of which a stack may have 60: let the function read the secret",
        ),
        ("Resources: [", "is not valid YAML"),
    ],
)
def test_what_the_runner_cannot_do_is_one_line_with_the_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=r".+") as caught:
        load_template(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml is missing"):
        Template.load(tmp_path / "template.yaml", {})


def test_a_resource_whose_condition_is_false_is_not_there(tmp_path: Path) -> None:
    text = (
        "Conditions: {No: !Equals [a, b]}\n"
        + RESOURCES
        + FUNCTION_RESOURCE.replace("  F:\n", "  F:\n    Condition: No\n")
    )
    assert load_template(tmp_path, text).functions == {}


@pytest.mark.parametrize(("value", "reserved"), [("0", None), ("3", 3)])
def test_reserved_concurrency_limits_a_function(tmp_path: Path, value: str, reserved: int | None) -> None:
    text = (
        "Parameters: {N: {Type: Number, Default: 0}}\nConditions: {Reserves: !Not [!Equals [!Ref N, 0]]}\n"
        "Globals: {Function: {ReservedConcurrentExecutions: !Ref AWS::NoValue}}\n"
        + RESOURCES
        + FUNCTION_RESOURCE
        + "      ReservedConcurrentExecutions: !If [Reserves, !Ref N, !Ref AWS::NoValue]\n"
        + FUNCTION_RESOURCE.replace("  F:", "  Other:")
    )
    functions = load_template(tmp_path, text, {"N": value}).functions
    assert (functions["F"].reserved_concurrency, functions["Other"].reserved_concurrency) == (reserved, None)
