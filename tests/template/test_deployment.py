"""The transformed template passes each check, and each check finds a template that was broken for it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from local.template.intrinsics import load_yaml
from tests.harness.paths import CHECKOUT, EVENTS, TEMPLATE
from tests.template import code_usage
from tests.template.deployment_checks import CHECKS, Deployment, list_events
from tests.template.sam_transform import transform_template


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    source = load_yaml(TEMPLATE)
    machines = {
        name: load_yaml(CHECKOUT / body["Properties"]["DefinitionUri"])
        for name, body in source["Resources"].items()
        if body["Type"] == "AWS::Serverless::StateMachine"
    }
    return Deployment(source, transform_template(), machines, list_events(EVENTS), code_usage.find_all_settings())


@pytest.mark.parametrize("name", list(CHECKS))
def test_the_template_passes(deployment: Deployment, name: str) -> None:
    assert CHECKS[name](deployment) == []


def test_sam_passes_the_rules_on(deployment: Deployment) -> None:
    assert deployment.transformed["Rules"] == deployment.source["Rules"]
    assert deployment.transformed["Parameters"] == deployment.source["Parameters"]


# ---- Each check can fail. A mutation changes a copy; the check then has to say something that it did not say before.
Mutation = Callable[[Deployment], None]


def get(deployment: Deployment, name: str) -> dict[str, Any]:
    return deployment.transformed["Resources"][name]["Properties"]


def add_statement(role: str, action: str, resource: Any) -> Mutation:
    def mutate(deployment: Deployment) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = {"PolicyName": "added", "PolicyDocument": {"Statement": [statement]}}
        get(deployment, role).setdefault("Policies", []).append(policy)

    return mutate


def remove_statements(role: str, action: str) -> Mutation:
    def mutate(deployment: Deployment) -> None:
        for policy in get(deployment, role)["Policies"]:
            kept = [one for one in policy["PolicyDocument"]["Statement"] if action not in one["Action"]]
            policy["PolicyDocument"]["Statement"] = kept

    return mutate


def set_variable(function: str, name: str, value: Any) -> Mutation:
    return lambda deployment: get(deployment, function)["Environment"]["Variables"].update({name: value})


def remove_property(function: str, name: str) -> Mutation:
    return lambda deployment: get(deployment, function).pop(name, None)


def edit_state(machine: str, state: str, *removed: str) -> Mutation:
    def mutate(deployment: Deployment) -> None:
        for name in removed:
            del deployment.machines[machine]["States"][state][name]

    return mutate


def copy_many(section: str, count: int) -> Mutation:
    def mutate(deployment: Deployment) -> None:
        example = next(iter(deployment.transformed[section].values()))
        deployment.transformed[section].update({f"Added{number}": example for number in range(count)})

    return mutate


def open_route(api: str, path: str, method: str) -> Mutation:
    return lambda deployment: get(deployment, api)["Body"]["paths"][path][method].pop("security")


def close_route(deployment: Deployment) -> None:
    get(deployment, "Api")["Body"]["paths"]["/healthz"]["get"]["security"] = [{"ServicesKey": []}]


def read_another_setting(deployment: Deployment) -> None:
    deployment.settings |= {"ADDED_SETTING"}


SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pointsman/{}-??????"
OTHER_MACHINE = {"Ref": "DestroyInstanceMachine"}
MUTATIONS: list[tuple[str, str, Mutation]] = [
    ("dynamic_references", "dynamic references",
     lambda deployment: get(deployment, "HealthzFunction").update({"Description": "{{resolve:ssm:a}}" * 61})),
    ("sizes", "resources", copy_many("Resources", 400)),
    ("sizes", "parameters", copy_many("Parameters", 200)),
    ("sizes", "outputs", copy_many("Outputs", 200)),
    ("sizes", "bytes", lambda deployment: deployment.transformed.update({"Description": "x" * 900_000})),
    ("parameters", "Added changes nothing",
     lambda deployment: deployment.transformed["Parameters"].update({"Added": {"Type": "String"}})),
    ("environments", "HealthzFunction", set_variable("HealthzFunction", "LONG", "x" * 3000)),
    ("policy_sizes", "characters", add_statement("HealthzFunctionRole", "a:b", "x" * 10_240)),
    ("policy_sizes", "managed", lambda deployment: get(deployment, "HealthzFunctionRole").update(
        {"ManagedPolicyArns": ["arn"] * 11})),
    ("authorizers", "post /create-instance", open_route("Api", "/create-instance", "post")),
    ("authorizers", "x-amazon-apigateway-any-method /api/{proxy+}",
     open_route("Api", "/api/{proxy+}", "x-amazon-apigateway-any-method")),
    ("authorizers", "post /api/prompt", open_route("StreamApi", "/api/prompt", "post")),
    ("authorizers", "options /added has no authorizer",
     lambda deployment: get(deployment, "Api")["Body"]["paths"].update({"/added": {"options": {"security": []}}})),
    ("authorizers", "get /healthz is allowed to be public", close_route),
    ("functions", "HealthzFunction has no Timeout", remove_property("HealthzFunction", "Timeout")),
    ("functions", "HealthzFunction has no MemorySize", remove_property("HealthzFunction", "MemorySize")),
    ("functions", "HealthzFunction has no log group", remove_property("HealthzFunction", "LoggingConfig")),
    *[("functions", f"{name} has no reserved", remove_property(name, "ReservedConcurrentExecutions"))
      for name in ("AuthorizerFunction", "AgentAuthorizerFunction", "PromptStreamFunction", "DeployInstanceFunction",
                   "ReconcilerFunction")],
    ("timeouts", "HealthzFunction: 30 s",
     lambda deployment: get(deployment, "HealthzFunction").update({"Timeout": 30})),
    ("timeouts", "get /added: no function is found",
     lambda deployment: get(deployment, "Api")["Body"]["paths"].update({"/added": {"get": {}}})),
    ("states", "Deploy has no timeout", edit_state("CreateInstanceMachine", "Deploy", "TimeoutSeconds")),
    ("states", "Deploy has no retry", edit_state("CreateInstanceMachine", "Deploy", "Retry")),
    ("states", "Deploy has no catch", edit_state("CreateInstanceMachine", "Deploy", "Catch")),
    ("states", "AwaitApproval has no timeout", edit_state("RunPromptMachine", "AwaitApproval", "TimeoutSecondsPath")),
    ("wildcards", "sqs:SendMessage on *", add_statement("HealthzFunctionRole", "sqs:SendMessage", "*")),
    ("wildcards", "states:* is more", add_statement("HealthzFunctionRole", "states:*", OTHER_MACHINE)),
    ("wildcards", "states:StartExecution on", add_statement(
        "HealthzFunctionRole", "states:StartExecution", {"Fn::Sub": "arn:aws:states:${AWS::Region}:1:stateMachine:*"})),
    ("function_permissions", "HealthzFunction may do states:SendTaskSuccess",
     add_statement("HealthzFunctionRole", "states:SendTaskSuccess", OTHER_MACHINE)),
    ("function_permissions", "nothing says what calls sqs:SendMessage",
     add_statement("HealthzFunctionRole", "sqs:SendMessage", "arn:aws:sqs:us-east-1:1:queue")),
    ("function_permissions", "may read the secret model",
     add_statement("HealthzFunctionRole", "secretsmanager:GetSecretValue", SECRET.format("model"))),
    ("function_permissions", "is no group of secrets",
     add_statement("HealthzFunctionRole", "secretsmanager:GetSecretValue", SECRET.format("all"))),
    ("state_machine_access", "CreateInstanceFunction may reach DestroyInstanceMachine",
     add_statement("CreateInstanceFunctionRole", "states:StartExecution", OTHER_MACHINE)),
    ("state_machine_access", "CreateInstanceFunction may not start CreateInstanceMachine",
     remove_statements("CreateInstanceFunctionRole", "states:StartExecution")),
    ("state_machine_permissions", "CreateInstanceMachine may not call",
     remove_statements("CreateInstanceMachineRole", "lambda:InvokeFunction")),
    ("state_machine_permissions", "may call HealthzFunction, and does not",
     add_statement("CreateInstanceMachineRole", "lambda:InvokeFunction", {"Fn::GetAtt": ["HealthzFunction", "Arn"]})),
    ("state_machine_permissions", "nothing says why it may do sqs:SendMessage",
     add_statement("CreateInstanceMachineRole", "sqs:SendMessage", "arn:aws:sqs:us-east-1:1:queue")),
    ("state_machine_permissions", "is only in the definition",
     lambda deployment: get(deployment, "CreateInstanceMachine")["DefinitionSubstitutions"].pop("UndoFunction")),
    ("settings", "ADDED_SETTING is read", read_another_setting),
    ("settings", "ADDED_VARIABLE is given", set_variable("HealthzFunction", "ADDED_VARIABLE", "")),
    ("variables", "HealthzFunction gets JWT_ISSUER", set_variable("HealthzFunction", "JWT_ISSUER", "")),
    ("events", "healthz.json of HealthzFunction", lambda deployment: deployment.events.clear()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "finding", "mutate"), [
    pytest.param(*mutation, id=f"{mutation[0]}-{mutation[1]}") for mutation in MUTATIONS
])  # fmt: skip
def test_a_check_finds_what_was_broken_for_it(
    deployment: Deployment, name: str, finding: str, mutate: Mutation
) -> None:
    broken = copy.deepcopy(deployment)
    mutate(broken)
    assert any(finding in problem for problem in CHECKS[name](broken))
    assert not any(finding in problem for problem in CHECKS[name](deployment))


def test_every_check_is_shown_to_fail() -> None:
    assert {name for name, _, _ in MUTATIONS} == CHECKS.keys()
