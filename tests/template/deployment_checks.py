"""What AWS or we refuse in a transformed template. Each check returns one line for each violation."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from pointsman.settings.secrets import SECRET_GROUPS
from tests.template import code_usage

MAX_DYNAMIC_REFERENCES = 60
"""CloudFormation's own limit for a stack."""
MAX_RESOURCES = 450
"""Of 500, so that there is room for what is added."""
MAX_BYTES = 900 * 1000
"""Of 1 MB, the limit of a template that lies in S3, as SAM puts it."""
MAX_PARAMETERS = MAX_OUTPUTS = 200
MAX_ENVIRONMENT_BYTES = 4096
MAX_INLINE_POLICY_CHARACTERS = 10_240
"""Of all inline policies of a role together, without white space."""
MAX_MANAGED_POLICIES = 10
MAX_HTTP_API_TIMEOUT = 29
"""The HTTP API waits 30 s; the function has to say first that it could not."""

PARAMETER_ALLOWANCE, ARN_ALLOWANCE = 64, 128
"""Bytes that the value of a parameter, and of an attribute, is taken to have in a function's environment."""

PUBLIC_ROUTES = {
    ("get", "/healthz"): "load balancers and people ask it without a key; it says nothing but ok",
    ("get", "/console"): "a page without a secret; who opens it signs in",
    ("get", "/console/{asset}"): "the files of that page",
    ("get", "/api/openapi.json"): "documentation",
    ("get", "/api/docs"): "documentation",
    ("get", "/api/docs/{asset}"): "documentation",
    ("options", "/api/prompt"): "a browser's preflight request has no credential",
    ("options", "/api/prompts/{promptId}/stream"): "a browser's preflight request has no credential",
    ("options", "/mcp"): "a browser's preflight request has no credential",
    ("options", "/api/agui"): "a browser's preflight request has no credential",
    ("options", "/api/chat"): "a browser's preflight request has no credential",
    ("options", "/api/chat/{chatId}/stream"): "a browser's preflight request has no credential",
}
"""Routes without an authorizer, each with the reason."""

UNRESERVED_GROUPS = {"ServicesLogs", "AgentLogs", "DeploymentLogs"}
"""Log groups of the functions that reserve no concurrency, unless they stream: endpoints share what the others leave,
as a reservation for each would take more than an account has. All others are decided by a parameter."""

UNSCOPED_ACTIONS = {
    **dict.fromkeys(
        ("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
         "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
        "a state machine's log delivery has no resource level permissions",
    ),
    **dict.fromkeys(
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
        "X-Ray has no resources to name",
    ),
}  # fmt: skip
"""Actions that AWS takes only with `*`, each with the reason."""
WIDE_RESOURCES = {
    ("AwaitApprovalFunctionRole", "states:SendTaskSuccess"):
        "the state machine names the function, so the function's policy cannot name the state machine",
}  # fmt: skip
"""Permissions on all resources of one type in the account, each with the reason."""

ACTION_EVIDENCE = {
    "states:StartExecution": "start_execution",
    "states:DescribeExecution": "get_execution_status",
    "states:SendTaskSuccess": "send_task_success",
}
"""What in the code calls an action."""

UNGIVEN_SETTINGS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"}
"""Lambda sets the first four; the last is AWS's own address unless AWS is simulated."""
ALIASES = {"DATABASE_URL": "SERVICE_DATABASE_URL"}
"""Settings that stand in for another one on a developer's machine."""
UNREAD_VARIABLES = {"POWERTOOLS_LOG_LEVEL", "AWS_LAMBDA_EXEC_WRAPPER"}
"""Read by Powertools, and by Lambda."""


@dataclass
class Deployment:
    """What is deployed.

    Args:
        source: The template as it is written.
        transformed: What SAM makes of it.
        machines: The definitions, by the state machine's logical id.
        events: The sample events: paths below events/ without `.json`.
        settings: Names of the settings that the code reads.
    """

    source: dict[str, Any]
    transformed: dict[str, Any]
    machines: dict[str, dict[str, Any]]
    events: set[str]
    settings: frozenset[str]

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        resources = self.transformed["Resources"].items()
        return {name: body["Properties"] for name, body in resources if body["Type"] == resource_type}

    @cached_property
    def functions(self) -> dict[str, dict[str, Any]]:
        return self.of_type("AWS::Lambda::Function")

    def find_module(self, function: str) -> str:
        """Return the name of a handler's module below functions/, whichever folder of it is deployed."""
        properties = self.source["Resources"][function]["Properties"]
        folder = properties.get("CodeUri", self.source["Globals"]["Function"].get("CodeUri", "functions"))
        parts = [*PurePosixPath(folder).parts[1:], self.functions[function]["Handler"].rpartition(".")[0]]
        return ".".join(parts)

    @cached_property
    def functions_by_role(self) -> dict[str, str]:
        """Functions by the logical id of their role."""
        return {body["Role"]["Fn::GetAtt"][0]: name for name, body in self.functions.items()}

    def iter_statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the statements of all inline policies, each with its role."""
        for role, properties in self.of_type("AWS::IAM::Role").items():
            for policy in properties.get("Policies", ()):
                for statement in as_list(policy["PolicyDocument"]["Statement"]):
                    yield role, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def get_variables(function: dict[str, Any]) -> dict[str, Any]:
    return function.get("Environment", {}).get("Variables", {})


def check_dynamic_references(deployment: Deployment) -> list[str]:
    count = json.dumps(deployment.transformed).count("{{resolve:")
    return [f"{count} dynamic references; CloudFormation takes {MAX_DYNAMIC_REFERENCES}"] * (
        count > MAX_DYNAMIC_REFERENCES
    )


def check_sizes(deployment: Deployment) -> list[str]:
    size = max(len(json.dumps(document)) for document in (deployment.source, deployment.transformed))
    counts = {
        "resources": (len(deployment.transformed["Resources"]), MAX_RESOURCES),
        "bytes": (size, MAX_BYTES),
        "parameters": (len(deployment.transformed["Parameters"]), MAX_PARAMETERS),
        "outputs": (len(deployment.transformed["Outputs"]), MAX_OUTPUTS),
    }
    return [f"{count} {what}, over {limit}" for what, (count, limit) in counts.items() if count > limit]


def check_parameters(deployment: Deployment) -> list[str]:
    """Every parameter does something; a Rule alone does nothing."""
    used = json.dumps([deployment.transformed.get(section) for section in ("Conditions", "Resources", "Outputs")])
    return [f"the parameter {name} changes nothing" for name in deployment.transformed["Parameters"]
            if not re.search(rf'"Ref": "{name}"|\$\{{{name}\}}', used)]  # fmt: skip


def check_environments(deployment: Deployment) -> list[str]:
    def estimate(value: Any) -> int:
        if isinstance(value, dict):
            is_parameter = value.get("Ref") in deployment.transformed["Parameters"]
            return PARAMETER_ALLOWANCE if is_parameter else max(ARN_ALLOWANCE, len(json.dumps(value)))
        return len(str(value))

    sizes = {
        name: sum(len(variable) + estimate(value) for variable, value in get_variables(function).items())
        for name, function in deployment.functions.items()
    }
    return [f"{name}: {size} bytes of environment" for name, size in sizes.items() if size > MAX_ENVIRONMENT_BYTES]


def check_policy_sizes(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    for role, properties in deployment.of_type("AWS::IAM::Role").items():
        size = sum(
            len(json.dumps(policy["PolicyDocument"], separators=(",", ":")))
            for policy in properties.get("Policies", ())
        )
        if size > MAX_INLINE_POLICY_CHARACTERS:
            problems.append(f"{role}: {size} characters of inline policies")
        if len(properties.get("ManagedPolicyArns", ())) > MAX_MANAGED_POLICIES:
            problems.append(f"{role}: over {MAX_MANAGED_POLICIES} managed policies")
    return problems


def iter_routes(deployment: Deployment) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield type of API, method, path and operation of each route."""
    for kind in ("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi"):
        for properties in deployment.of_type(kind).values():
            for path, methods in properties["Body"]["paths"].items():
                for method, operation in methods.items():
                    yield kind, method, path, operation


def check_authorizers(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    public: set[tuple[str, str]] = set()
    for _, method, path, operation in iter_routes(deployment):
        names = {name for scheme in operation.get("security", ()) for name in scheme}
        if names - {"NONE"}:
            continue
        public.add((method, path))
        if (method, path) not in PUBLIC_ROUTES:
            problems.append(f"{method} {path} has no authorizer")
    return problems + [
        f"{' '.join(route)} is allowed to be public, and is not" for route in PUBLIC_ROUTES.keys() - public
    ]


def check_functions(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    for name, function in deployment.functions.items():
        problems.extend(f"{name} has no {key}" for key in ("Timeout", "MemorySize") if key not in function)
        group = function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
        if deployment.transformed["Resources"].get(group, {}).get("Type") != "AWS::Logs::LogGroup":
            problems.append(f"{name} has no log group of the template")
        is_stream = "AWS_LAMBDA_EXEC_WRAPPER" in get_variables(function)
        if (is_stream or group not in UNRESERVED_GROUPS) and "ReservedConcurrentExecutions" not in function:
            problems.append(f"{name} has no reserved concurrency")
    return problems


def check_timeouts(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    for kind, method, path, operation in iter_routes(deployment):
        uri = json.dumps(operation.get("x-amazon-apigateway-integration", {}).get("uri", ""))
        if kind != "AWS::ApiGatewayV2::Api":
            continue
        references = re.findall(r"\$\{(\w+)", uri)
        names = [name for name in deployment.functions for reference in references
                 if reference == name or reference.startswith(f"{name}Alias")]  # fmt: skip
        if not names:
            problems.append(f"{method} {path}: no function is found in {uri}")
        problems.extend(f"{name}: {deployment.functions[name].get('Timeout')} s behind an HTTP API" for name in names
                        if deployment.functions[name].get("Timeout", 0) > MAX_HTTP_API_TIMEOUT)  # fmt: skip
    return problems


def iter_states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), state.get("ItemProcessor", {"States": {}})]:
            yield from iter_states(inner)


def check_states(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    for machine, definition in deployment.machines.items():
        for name, state in iter_states(definition):
            if state["Type"] != "Task":
                continue
            if not {"TimeoutSeconds", "TimeoutSecondsPath"} & state.keys():
                problems.append(f"{machine}.{name} has no timeout")
            if not state.get("Retry"):
                problems.append(f"{machine}.{name} has no retry")
            if name != "Close" and not state.get("Catch"):
                problems.append(f"{machine}.{name} has no catch")
    return problems


def find_wide_resource(resource: Any) -> bool:
    """Whether a resource is `*`, or all of a type: the wildcard stands where a name should begin."""
    text = resource if isinstance(resource, str) else json.dumps(resource)
    return text == "*" or bool(
        re.search(r":(stateMachine|execution|function|secret|log-group|topic|key|role)[:/]\*", text)
    )


def check_wildcards(deployment: Deployment) -> list[str]:
    problems: list[str] = []
    for role, statement in deployment.iter_statements():
        wide = [resource for resource in as_list(statement.get("Resource", "*")) if find_wide_resource(resource)]
        for action in as_list(statement.get("Action", "*")):
            if "*" in action:
                problems.append(f"{role}: {action} is more than one action")
            elif "*" in wide and action not in UNSCOPED_ACTIONS:
                problems.append(f"{role}: {action} on *")
            elif wide and "*" not in wide and (role, action) not in WIDE_RESOURCES:
                problems.append(f"{role}: {action} on {wide}")
    return problems


def check_function_permissions(deployment: Deployment) -> list[str]:
    """Each action that a function may do is one that its code may call, on what its environment names."""
    problems: list[str] = []
    for role, statement in deployment.iter_statements():
        function = deployment.functions_by_role.get(role)
        if function is None:
            continue
        module = deployment.find_module(function)
        text = json.dumps(statement.get("Resource"))
        for action in as_list(statement["Action"]):
            if action == "secretsmanager:GetSecretValue":
                groups = [group for group in SECRET_GROUPS if re.search(rf"/{group}-\?", text)]
                if not groups:
                    problems.append(f"{function}: {text} is no group of secrets")
                problems.extend(f"{function} may read the secret {group}, and does not" for group in groups
                                if not code_usage.find_settings(module) & set(SECRET_GROUPS[group]))  # fmt: skip
            elif action in UNSCOPED_ACTIONS:
                continue
            elif action not in ACTION_EVIDENCE:
                problems.append(f"{function}: nothing says what calls {action}")
            elif not code_usage.uses(module, ACTION_EVIDENCE[action]):
                problems.append(f"{function} may do {action}, and does not")
    return problems


def find_machines(deployment: Deployment, value: Any) -> set[str]:
    text = json.dumps(value)
    return {name for name in deployment.of_type("AWS::StepFunctions::StateMachine") if re.search(rf"\b{name}\b", text)}


def check_state_machine_access(deployment: Deployment) -> list[str]:
    """A function may start the state machines that its environment names, and no other; and reach no other."""
    problems: list[str] = []
    for name, function in deployment.functions.items():
        named = find_machines(deployment, get_variables(function))
        statements = [statement for role, statement in deployment.iter_statements()
                      if deployment.functions_by_role.get(role) == name]  # fmt: skip
        started: set[str] = set()
        for statement in statements:
            reached = find_machines(deployment, statement.get("Resource"))
            if "states:StartExecution" in as_list(statement["Action"]):
                started |= reached
            problems.extend(f"{name} may reach {machine}, and does not know it" for machine in sorted(reached - named))
        problems.extend(f"{name} may not start {machine}, and has its ARN" for machine in sorted(named - started))
    return problems


def check_state_machine_permissions(deployment: Deployment) -> list[str]:
    """A state machine may call the functions that its definition calls, and no other."""
    problems: list[str] = []
    for name, machine in deployment.of_type("AWS::StepFunctions::StateMachine").items():
        called = set(re.findall(r"\$\{(\w+)\}", json.dumps(deployment.machines[name])))
        given = set(machine.get("DefinitionSubstitutions", {}))
        problems.extend(
            f"{name}: {one} is only in the definition or only in the template" for one in sorted(called ^ given)
        )
        allowed: set[str] = set()
        for role, statement in deployment.iter_statements():
            if {"Fn::GetAtt": [role, "Arn"]} == machine["RoleArn"]:
                if "lambda:InvokeFunction" in as_list(statement["Action"]):
                    text = json.dumps(statement["Resource"])
                    allowed |= {function for function in deployment.functions if re.search(rf"\b{function}\b", text)}
                elif not set(as_list(statement["Action"])) <= UNSCOPED_ACTIONS.keys():
                    problems.append(f"{name}: nothing says why it may do {statement['Action']}")
        problems.extend(
            f"{name} may not call {one}" for one in sorted((called & deployment.functions.keys()) - allowed)
        )
        problems.extend(f"{name} may call {one}, and does not" for one in sorted(allowed - called))
    return problems


def check_settings(deployment: Deployment) -> list[str]:
    """Every setting that the code reads is given, as a variable or in a secret, and every one that is given is read."""
    given = {variable for function in deployment.functions.values() for variable in get_variables(function)}
    allowed = json.dumps([statement for _, statement in deployment.iter_statements()])
    given |= {name for group, names in SECRET_GROUPS.items() if re.search(rf"/{group}-\?", allowed) for name in names}
    expected = {ALIASES.get(name, name) for name in deployment.settings} - UNGIVEN_SETTINGS
    return [f"{name} is read, and the template does not give it" for name in sorted(expected - given)] + [
        f"{name} is given, and nothing reads it" for name in sorted(given - deployment.settings - UNREAD_VARIABLES)
    ]


def check_variables(deployment: Deployment) -> list[str]:
    """A variable that stands at a function, and not in Globals, is one that the function may read."""
    problems: list[str] = []
    everywhere = set(deployment.source["Globals"]["Function"]["Environment"]["Variables"])
    for name, function in deployment.functions.items():
        own = get_variables(function).keys() - everywhere - UNREAD_VARIABLES
        if deployment.find_module(name):
            unread = own - code_usage.find_settings(deployment.find_module(name))
            problems.extend(f"{name} gets {variable}, and does not read it" for variable in sorted(unread))
    return problems


def check_events(deployment: Deployment) -> list[str]:
    names = {function: deployment.find_module(function).replace(".", "/") for function in deployment.functions}
    return [f"events/{event}.json of {function} is missing" for function, event in names.items()
            if event not in deployment.events]  # fmt: skip


def list_events(folder: Path) -> set[str]:
    return {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.json")}


CHECKS = {name.removeprefix("check_"): check for name, check in sorted(globals().items()) if name.startswith("check_")}
