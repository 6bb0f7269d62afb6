"""The SAM template, read into functions, routes, authorizers, schedules and state machines."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from local.errors import TemplateError
from local.json_values import list_or_empty, mapping_or_empty, scalar_to_text
from local.template.api_prefix import replace_prefix
from local.template.apis import ApiReader, Authorizer, Route
from local.template.aws_identifiers import (
    ACCOUNT_ID,
    REGION,
    SECRET_PREFIX,
    build_function_arn,
    build_state_machine_arn,
)
from local.template.distribution import Distribution, read_distribution
from local.template.intrinsics import NO_VALUE, Resolver, load_yaml

_SUPPORTED_TYPES = {
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
}
# Types of resources that have a function on AWS only.
_IGNORED_TYPES = re.compile(
    r"AWS::(IAM|Logs|CloudWatch|SecretsManager|SSM|SNS|KMS|EC2|RDS|Budgets|CloudFront|Route53|CertificateManager|WAFv2"
    r"|XRay|ApplicationInsights|ResourceGroups|Lambda::(Permission|Version|Alias|Url|EventInvokeConfig)|ApiGateway::Account"
    r"|CodeDeploy|CloudFormation::\w+)(::|$)|Custom::"
)
_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:.+?:SecretString:([^:}]+)[^}]*\}\}")
_SECRET_POLICY = re.compile(r"\$\{SecretPrefix\}/([a-z-]+)-\?{6}")
_LOCAL_PARAMETERS: Mapping[str, str] = {
    "Stage": "dev",
    "SecretPrefix": SECRET_PREFIX,
    "RailwayProjectId": "",
    "ModelBaseUrl": "",
    "ModelNormal": "",
    "Release": "0000000000",
}
"""Values here of parameters that a deployment must choose. The settings of a provider, simulated or real, replace the
empty ones."""


@dataclass(frozen=True)
class Function:
    """One Lambda function.

    Args:
        name: Logical id.
        handler: Module and attribute as Lambda names them, such as `attach_tool.handler`.
        runtime: Such as `python3.13`.
        code_folder: Folder of its CodeUri.
        layers: Folders that Lambda would put into `/opt/python`.
        timeout: Seconds.
        memory: Megabytes.
        environment: Variables, with overrides and intrinsics resolved.
        reserved_concurrency: Most processes that its ReservedConcurrentExecutions allows; None without a reservation.
        secret_groups: The secrets that its policies let it read, as `SECRET_GROUPS` names them.
    """

    name: str
    handler: str
    runtime: str
    code_folder: Path
    layers: tuple[Path, ...]
    timeout: float
    memory: int
    environment: Mapping[str, str]
    reserved_concurrency: int | None = None
    secret_groups: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """The ARN on the local stack."""
        return build_function_arn(self.name)

    @property
    def module(self) -> str:
        """The handler's module as tests and tools import it from `functions/`, such as `tasks.attach_tool`.

        Its package is the folder of CodeUri, which is the root on Lambda. A built template has other folders.
        """
        return f"{self.code_folder.name}.{self.handler.rpartition('.')[0]}"

    @property
    def exec_wrapper(self) -> str | None:
        """Path on Lambda of the wrapper that starts the runtime of a function that streams, else None."""
        return self.environment.get("AWS_LAMBDA_EXEC_WRAPPER") or None


@dataclass(frozen=True)
class Schedule:
    """A schedule that invokes a function.

    Args:
        name: Name of the event in the template.
        function: Logical id of the function.
        expression: Such as `rate(5 minutes)`.
        enabled: Whether it fires on time; a disabled one fires on demand only.
        payload: Its Input; None sends EventBridge's own event.
        uses_eventbridge_scheduler: Whether it is a ScheduleV2, whose events have another source.
    """

    name: str
    function: str
    expression: str
    enabled: bool
    payload: str | None
    uses_eventbridge_scheduler: bool


@dataclass(frozen=True)
class StateMachine:
    """One state machine.

    Args:
        name: Logical id.
        definition_path: File of the definition.
        substitutions: Values of the `${Name}` placeholders in the definition, by name.
    """

    name: str
    definition_path: Path
    substitutions: Mapping[str, str]

    @property
    def arn(self) -> str:
        """The ARN on the local stack."""
        return build_state_machine_arn(self.name)


@dataclass(frozen=True)
class Template:
    """Everything in a template that the local stack runs; mappings are by logical id."""

    path: Path
    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    authorizers: Mapping[str, Authorizer]
    schedules: tuple[Schedule, ...]
    state_machines: tuple[StateMachine, ...]
    distribution: Distribution

    @classmethod
    def load(cls, path: Path, overrides: Mapping[str, str]) -> "Template":
        """Read a SAM template.

        Args:
            path: The file; paths in it are relative to its folder.
            overrides: Values by name that replace variables of functions and defaults of parameters.

        Raises:
            TemplateError: The file is missing or invalid, or a resource is not supported by the local stack.
        """
        return _TemplateReader(path, overrides).read()


class _TemplateReader:
    def __init__(self, path: Path, overrides: Mapping[str, str]) -> None:
        self._path = path
        self._root = path.parent
        self._overrides = overrides
        document = load_yaml(path, lambda text: replace_prefix(text, overrides.get("API_PREFIX")))
        self._globals: dict[str, Any] = mapping_or_empty(document.get("Globals"))
        self._resources: dict[str, dict[str, Any]] = mapping_or_empty(document.get("Resources"))
        parameter_nodes: dict[str, Any] = mapping_or_empty(document.get("Parameters"))
        parameters = {
            name: overrides.get(name, mapping_or_empty(body).get("Default", _LOCAL_PARAMETERS.get(name)))
            for name, body in parameter_nodes.items()
        }
        self._resolver = Resolver(parameters, mapping_or_empty(document.get("Conditions")), self._lookup_attribute)

    def read(self) -> Template:
        self._drop_excluded_resources()
        for name, resource in self._resources.items():
            resource_type = str(resource.get("Type"))
            if resource_type not in _SUPPORTED_TYPES and not _IGNORED_TYPES.match(resource_type):
                raise TemplateError(f"{name}: {resource_type} is not supported by the local runner")
        api_reader = ApiReader(self._globals, self._iter_resources, self._resolver)
        routes: list[Route] = []
        schedules: list[Schedule] = []
        for name, event_name, event in self._iter_events():
            location = f"{name}.Events.{event_name}"
            resource_type = event.get("Type")
            properties: dict[str, Any] = mapping_or_empty(event.get("Properties"))
            if resource_type == "HttpApi":
                routes.append(api_reader.read_http_route(name, location, properties))
            elif resource_type == "Api":
                routes.append(api_reader.read_rest_route(name, location, properties))
            elif resource_type in ("Schedule", "ScheduleV2"):
                schedules.append(self._read_schedule(name, event_name, location, properties, resource_type))
            else:
                raise TemplateError(f"{location}: events of type {resource_type} are not supported by the local runner")
        return Template(
            path=self._path,
            functions={name: self._read_function(name, body) for name, body in self._iter_resources("Function")},
            # Of equal routes the first wins, which has to be the REST API's.
            routes=tuple(sorted(routes, key=lambda route: route.rest_api is None)),
            authorizers=api_reader.authorizers,
            schedules=tuple(schedules),
            state_machines=tuple(
                self._read_state_machine(name, body) for name, body in self._iter_resources("StateMachine")
            ),
            distribution=read_distribution(self._resources, self._resolver, self._resolve_secrets),
        )

    def _drop_excluded_resources(self) -> None:
        for name, resource in list(self._resources.items()):
            condition = resource.get("Condition")
            if condition is not None and not self._resolver.evaluate_condition(condition, name):
                del self._resources[name]

    def _iter_resources(self, resource_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self._resources.items():
            if resource.get("Type") == f"AWS::Serverless::{resource_type}":
                yield name, mapping_or_empty(resource.get("Properties"))

    def _iter_events(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, properties in self._iter_resources("StateMachine"):
            if properties.get("Events"):
                raise TemplateError(f"{name}: events of a state machine are not supported by the local runner")
        for name, properties in self._iter_resources("Function"):
            for event_name, event in mapping_or_empty(properties.get("Events")).items():
                yield name, event_name, mapping_or_empty(event)

    def _lookup_attribute(self, resource: str, attribute: str) -> str | None:
        """Return the value of `!Ref resource` (empty attribute) or `!GetAtt resource.attribute`; None if unknown."""
        if not attribute:
            # SAM takes `!Ref Function.Alias` too.
            resource, _, attribute = resource.partition(".")
        body = self._resources.get(resource)
        if body is None:
            return "local" if resource == "ServerlessHttpApi" else None
        resource_type = str(body.get("Type"))
        if resource_type == "AWS::Serverless::Function":
            arn = build_function_arn(resource)
            # Locally there is one version, the present code.
            return {"": resource, "Arn": arn, "Alias": arn, "Version": arn}.get(attribute)
        if resource_type == "AWS::Serverless::StateMachine":
            arn = build_state_machine_arn(resource)
            return {"": arn, "Arn": arn, "Name": resource}.get(attribute)
        if resource_type in ("AWS::Serverless::HttpApi", "AWS::Serverless::Api"):
            return "local" if attribute == "" else None
        if attribute in ("", "Arn"):
            # On AWS, Ref is the ARN of some types and the name of others; nothing in the local stack depends on which.
            return f"arn:aws:local:{REGION}:{ACCOUNT_ID}:{resource}"
        return f"{resource}-{attribute}"

    def _read_function(self, name: str, properties: dict[str, Any]) -> Function:
        defaults: dict[str, Any] = mapping_or_empty(self._globals.get("Function"))

        def resolve_property(key: str, default: Any = None) -> Any:
            return self._resolver.resolve(properties.get(key, defaults.get(key, default)), f"{name}.{key}")

        handler = resolve_property("Handler")
        if not handler:
            raise TemplateError(f"{name}: a function needs a Handler")
        if resolve_property("PackageType") == "Image":
            raise TemplateError(f"{name}: functions in images are not supported by the local runner")
        code_folder = (self._root / str(resolve_property("CodeUri", "."))).resolve()
        if not code_folder.is_dir():
            raise TemplateError(f"{name}: the folder of its CodeUri is missing: {code_folder}")
        reserved = resolve_property("ReservedConcurrentExecutions")
        layers = [*list_or_empty(defaults.get("Layers")), *list_or_empty(properties.get("Layers"))]
        return Function(
            name=name,
            handler=str(handler),
            runtime=str(resolve_property("Runtime", "")),
            code_folder=code_folder,
            layers=tuple(self._resolve_layer(name, layer) for layer in layers),
            timeout=float(resolve_property("Timeout", 3)),
            memory=int(resolve_property("MemorySize", 128)),
            environment=self._resolve_environment(name, defaults, properties),
            reserved_concurrency=None if reserved in (None, NO_VALUE) else int(reserved),
            secret_groups=tuple(_SECRET_POLICY.findall(str(properties.get("Policies")))),
        )

    def _resolve_environment(self, name: str, defaults: dict[str, Any], properties: dict[str, Any]) -> dict[str, str]:
        variables: dict[str, Any] = {}
        for source in (defaults, properties):
            variables.update(mapping_or_empty(mapping_or_empty(source.get("Environment")).get("Variables")))
        resolved: dict[str, str] = {}
        for variable, node in variables.items():
            if variable in self._overrides:
                resolved[variable] = self._overrides[variable]
                continue
            value = self._resolver.resolve(node, f"{name}.Environment.{variable}")
            if isinstance(value, (str, int, float)):
                resolved[variable] = scalar_to_text(value)
                if "{{resolve:" in resolved[variable]:
                    raise TemplateError(
                        f"{name}: the variable {variable} is a dynamic reference, of which a stack may have 60: let"
                        " the function read the secret at run time (settings/secrets.py), and allow it in its Policies"
                    )
            elif isinstance(value, (dict, list)):
                raise TemplateError(f"{name}: the variable {variable} is not a string")
        return resolved

    def _resolve_secrets(self, text: str) -> str:
        return _DYNAMIC_REFERENCE.sub(lambda match: self._overrides.get(match[1], ""), text)

    def _resolve_layer(self, function: str, node: Any) -> Path:
        name = cast("dict[str, Any]", node).get("Ref") if isinstance(node, dict) else None
        layers = dict(self._iter_resources("LayerVersion"))
        if name not in layers:
            raise TemplateError(f"{function}: only layers of this template are supported by the local runner")
        path = (self._root / str(self._resolver.resolve(layers[name].get("ContentUri"), str(name)))).resolve()
        if not path.is_dir():
            raise TemplateError(f"{name}: the folder of its ContentUri is missing: {path}")
        # Lambda puts the folder to /opt, and Python imports from /opt/python. A layer that SAM has yet to build has no
        # folder `python`.
        return path / "python" if (path / "python").is_dir() else path

    def _read_schedule(
        self, function: str, name: str, location: str, properties: dict[str, Any], event_type: str
    ) -> Schedule:
        expression_node = properties.get("Schedule", properties.get("ScheduleExpression"))
        expression = str(self._resolver.resolve(expression_node, location))
        payload = self._resolver.resolve(properties.get("Input"), location)
        state = str(self._resolver.resolve(properties.get("State", "ENABLED"), location)).upper()
        enabled = state == "ENABLED" and bool(self._resolver.resolve(properties.get("Enabled", True), location))
        return Schedule(name, function, expression, enabled, payload, event_type == "ScheduleV2")

    def _read_state_machine(self, name: str, properties: dict[str, Any]) -> StateMachine:
        uri = properties.get("DefinitionUri")
        if not isinstance(uri, str):
            raise TemplateError(f"{name}: a state machine needs a DefinitionUri that is a path")
        substitutions = mapping_or_empty(self._resolver.resolve(properties.get("DefinitionSubstitutions"), name))
        definition_path = (self._root / uri).resolve()
        if not definition_path.is_file():
            raise TemplateError(f"{name}: its definition is missing: {definition_path}")
        return StateMachine(name, definition_path, {key: str(value) for key, value in substitutions.items()})
