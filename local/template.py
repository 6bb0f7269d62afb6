"""template.yaml as the runner needs it: functions, routes, authorizers, schedules, state machines."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from local.apis import Apis, Authorizer, Route
from local.errors import TemplateError
from local.intrinsics import ACCOUNT, REGION, Resolver, load
from local.plain import items, mapping
from local.prefix import moved

__all__ = [
    "Authorizer", "Function", "Route", "Schedule", "StateMachine", "Template", "function_arn", "state_machine_arn",
]  # fmt: skip

_HANDLED = {
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::StateMachine",
}
# Prefixes of types that only matter on AWS.
_IGNORED = re.compile(
    r"AWS::(IAM|Logs|CloudWatch|SecretsManager|SSM|SNS|KMS|EC2|RDS|Budgets|CloudFront|Route53|CertificateManager|WAFv2"
    r"|XRay|ApplicationInsights|ResourceGroups|Lambda::(Permission|Version|Alias|Url|EventInvokeConfig)|ApiGateway::Account"
    r"|CodeDeploy|CloudFormation::\w+)(::|$)"
)
_DYNAMIC = re.compile(
    r"\{\{resolve:(?:secretsmanager:.+?:SecretString:([^:}]+)[^}]*|ssm(?:-secure)?:(?:[^}]*/)?([^/}:]+)[^}]*)\}\}"
)


@dataclass(frozen=True)
class Function:
    """One Lambda function; timeout in seconds, memory in MB."""

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    timeout: float
    memory: int
    environment: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN here."""
        return function_arn(self.name)

    @property
    def wrapper(self) -> str | None:
        """The program that starts its runtime in place of Lambda's own, as it lies on Lambda; of those that stream."""
        return self.environment.get("AWS_LAMBDA_EXEC_WRAPPER") or None


@dataclass(frozen=True)
class Schedule:
    """A rate(...) or cron(...) that invokes a function; `payload` None sends EventBridge's own event."""

    name: str
    function: str
    expression: str
    enabled: bool
    payload: str | None
    scheduler: bool


@dataclass(frozen=True)
class StateMachine:
    """One state machine: where its definition is, and what to put for `${Name}` in it."""

    name: str
    definition: Path
    substitutions: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN here."""
        return state_machine_arn(self.name)


@dataclass(frozen=True)
class Template:
    """Everything that the runner runs; names are logical ids."""

    path: Path
    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    authorizers: Mapping[str, Authorizer]
    schedules: tuple[Schedule, ...]
    state_machines: tuple[StateMachine, ...]

    @classmethod
    def load(cls, path: Path, overrides: Mapping[str, str]) -> "Template":
        """Read a SAM template.

        Args:
            path: template.yaml; paths in it are relative to its folder.
            overrides: values by name that win over a function's variables and over parameters' defaults.

        Raises:
            TemplateError: the file is missing, or a resource needs what the runner cannot do.
        """
        return _Reader(path, overrides).read()


def function_arn(name: str) -> str:
    """ARN of a function by its logical id."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def state_machine_arn(name: str) -> str:
    """ARN of a state machine by its logical id."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


class _Reader:
    def __init__(self, path: Path, overrides: Mapping[str, str]) -> None:
        self._path = path
        self._root = path.parent
        self._overrides = overrides
        document = load(path, lambda text: moved(text, overrides.get("API_PREFIX")))
        self._globals: dict[str, Any] = mapping(document.get("Globals"))
        self._resources: dict[str, dict[str, Any]] = mapping(document.get("Resources"))
        declared: dict[str, Any] = mapping(document.get("Parameters"))
        parameters = {name: overrides.get(name, mapping(body).get("Default")) for name, body in declared.items()}
        self._resolver = Resolver(parameters, mapping(document.get("Conditions")), self._attribute)

    def read(self) -> Template:
        self._drop_what_conditions_exclude()
        for name, resource in self._resources.items():
            kind = str(resource.get("Type"))
            if kind not in _HANDLED and not _IGNORED.match(kind):
                raise TemplateError(f"{name}: {kind} is not supported by the local runner")
        apis = Apis(self._globals, self._resources, self._resolver)
        routes: list[Route] = []
        schedules: list[Schedule] = []
        for name, event_name, event in self._events():
            where = f"{name}.Events.{event_name}"
            kind = event.get("Type")
            properties: dict[str, Any] = mapping(event.get("Properties"))
            if kind == "HttpApi":
                routes.append(apis.http_route(name, where, properties))
            elif kind == "Api":
                routes.append(apis.rest_route(name, where, properties))
            elif kind in ("Schedule", "ScheduleV2"):
                schedules.append(self._schedule(name, event_name, where, properties, kind))
            else:
                raise TemplateError(f"{where}: events of type {kind} are not supported by the local runner")
        return Template(
            path=self._path,
            functions={name: self._function(name, body) for name, body in self._of_type("Function")},
            # Where both kinds of API have the same route, the REST API's is taken.
            routes=tuple(sorted(routes, key=lambda route: route.rest is None)),
            authorizers=apis.authorizers,
            schedules=tuple(schedules),
            state_machines=tuple(self._state_machine(name, body) for name, body in self._of_type("StateMachine")),
        )

    def _drop_what_conditions_exclude(self) -> None:
        for name, resource in list(self._resources.items()):
            condition = resource.get("Condition")
            if condition is not None and not self._resolver.condition(condition, name):
                del self._resources[name]

    def _of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self._resources.items():
            if resource.get("Type") == f"AWS::Serverless::{kind}":
                yield name, mapping(resource.get("Properties"))

    def _events(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, properties in self._of_type("StateMachine"):
            if properties.get("Events"):
                raise TemplateError(f"{name}: events of a state machine are not supported by the local runner")
        for name, properties in self._of_type("Function"):
            for event_name, event in mapping(properties.get("Events")).items():
                yield name, event_name, mapping(event)

    def _attribute(self, resource: str, attribute: str) -> str | None:
        """What a resource's name, ARN or id is on this machine."""
        body = self._resources.get(resource)
        if body is None:
            return "local" if resource == "ServerlessHttpApi" else None
        kind = str(body.get("Type"))
        if kind == "AWS::Serverless::Function":
            return {"": resource, "Arn": function_arn(resource)}.get(attribute)
        if kind == "AWS::Serverless::StateMachine":
            arn = state_machine_arn(resource)
            return {"": arn, "Arn": arn, "Name": resource}.get(attribute)
        if kind in ("AWS::Serverless::HttpApi", "AWS::Serverless::Api"):
            return "local" if attribute == "" else None
        if attribute in ("", "Arn"):
            # A secret's or a topic's Ref is its ARN, a role's its name; nothing here tells the two apart.
            return f"arn:aws:local:{REGION}:{ACCOUNT}:{resource}"
        return f"{resource}-{attribute}"

    def _function(self, name: str, properties: dict[str, Any]) -> Function:
        defaults: dict[str, Any] = mapping(self._globals.get("Function"))

        def value(key: str, default: Any = None) -> Any:
            return self._resolver.resolve(properties.get(key, defaults.get(key, default)), f"{name}.{key}")

        handler = value("Handler")
        if not handler:
            raise TemplateError(f"{name}: a function needs a Handler")
        if value("PackageType") == "Image":
            raise TemplateError(f"{name}: functions in images are not supported by the local runner")
        code = (self._root / str(value("CodeUri", "."))).resolve()
        if not code.is_dir():
            raise TemplateError(f"{name}: the folder of its CodeUri is missing: {code}")
        layers = [*items(defaults.get("Layers")), *items(properties.get("Layers"))]
        return Function(
            name=name,
            handler=str(handler),
            code=code,
            layers=tuple(self._layer(name, layer) for layer in layers),
            timeout=float(value("Timeout", 3)),
            memory=int(value("MemorySize", 128)),
            environment=self._environment(name, defaults, properties),
        )

    def _environment(self, name: str, defaults: dict[str, Any], properties: dict[str, Any]) -> dict[str, str]:
        variables: dict[str, Any] = {}
        for source in (defaults, properties):
            variables.update(mapping(mapping(source.get("Environment")).get("Variables")))
        resolved: dict[str, str] = {}
        for variable, node in variables.items():
            if variable in self._overrides:
                resolved[variable] = self._overrides[variable]
                continue
            value = self._resolver.resolve(node, f"{name}.Environment.{variable}")
            if isinstance(value, bool):
                value = str(value).lower()
            if isinstance(value, (str, int, float)):
                resolved[variable] = _DYNAMIC.sub(self._secret, str(value))
            elif isinstance(value, (dict, list)):
                raise TemplateError(f"{name}: the variable {variable} is not a string")
        return resolved

    def _secret(self, match: "re.Match[str]") -> str:
        return self._overrides.get(match.group(1) or match.group(2), "")

    def _layer(self, function: str, node: Any) -> Path:
        name = cast("dict[str, Any]", node).get("Ref") if isinstance(node, dict) else None
        layers = dict(self._of_type("LayerVersion"))
        if name not in layers:
            raise TemplateError(f"{function}: only layers of this template are supported by the local runner")
        path = (self._root / str(self._resolver.resolve(layers[name].get("ContentUri"), str(name)))).resolve()
        if not path.is_dir():
            raise TemplateError(f"{name}: the folder of its ContentUri is missing: {path}")
        # Without BuildMethod, SAM lays the folder as it is into /opt, so its python/ folder is what counts.
        built = mapping(self._resources[str(name)].get("Metadata")).get("BuildMethod")
        return path if built or not (path / "python").is_dir() else path / "python"

    def _schedule(self, function: str, name: str, where: str, properties: dict[str, Any], kind: str) -> Schedule:
        wanted = properties.get("Schedule", properties.get("ScheduleExpression"))
        expression = str(self._resolver.resolve(wanted, where))
        payload = self._resolver.resolve(properties.get("Input"), where)
        state = str(self._resolver.resolve(properties.get("State", "ENABLED"), where)).upper()
        enabled = state == "ENABLED" and bool(self._resolver.resolve(properties.get("Enabled", True), where))
        return Schedule(name, function, expression, enabled, payload, kind == "ScheduleV2")

    def _state_machine(self, name: str, properties: dict[str, Any]) -> StateMachine:
        uri = properties.get("DefinitionUri")
        if not isinstance(uri, str):
            raise TemplateError(f"{name}: a state machine needs a DefinitionUri that is a path")
        substitutions = mapping(self._resolver.resolve(properties.get("DefinitionSubstitutions"), name))
        definition = (self._root / uri).resolve()
        if not definition.is_file():
            raise TemplateError(f"{name}: its definition is missing: {definition}")
        return StateMachine(name, definition, {key: str(value) for key, value in substitutions.items()})
