"""The template's two kinds of API: the HTTP API, and REST APIs for what streams; their routes and authorizers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.errors import TemplateError
from local.intrinsics import Resolver
from local.plain import items, mapping

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"}
_TRANSFER_MODES = {"BUFFERED": False, "RESPONSE_STREAM": True}


@dataclass(frozen=True)
class Authorizer:
    """A Lambda authorizer; `headers` have to be there for it to be asked."""

    name: str
    function: str
    headers: tuple[str, ...]


@dataclass(frozen=True)
class RestApi:
    """A REST API: its stage, and the media types that it passes on in base64."""

    name: str
    stage: str
    binary: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """One route; the default route has the key `$default` and no method.

    Args:
        rest: the REST API that has it; None for the HTTP API.
        streaming: whether the function's answer is passed on as it comes; REST APIs only.
        limit: seconds that a REST API waits for the whole answer, streamed or not; AWS's default, if none is given.
    """

    method: str
    path: str
    function: str
    authorizer: str | None
    rest: RestApi | None = None
    streaming: bool = False
    limit: float = 29.0

    @property
    def key(self) -> str:
        """API Gateway's routeKey."""
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"


class Apis:
    """Reads the APIs of a template.

    Raises:
        TemplateError: one needs what the runner cannot do.
    """

    def __init__(
        self, globals_: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]], resolver: Resolver
    ) -> None:
        self._globals = globals_
        self._resources = resources
        self._resolver = resolver
        self.authorizers: dict[str, Authorizer] = {}
        """By name; those of a REST API by `Api.Name`."""
        self._http_default = self._read_http()
        self._rest_apis: dict[str, RestApi] = {}
        self._rest_defaults: dict[str, str | None] = {}
        for name, properties in self._of_type("Api"):
            self._read_rest(name, properties)

    def http_route(self, function: str, where: str, properties: dict[str, Any]) -> Route:
        """The route of an event of type HttpApi."""
        method, path = self._method_and_path(where, {"Path": "$default", "Method": "ANY", **properties})
        return Route(method, path, function, self._authorizer(where, properties, self._http_default, ""))

    def rest_route(self, function: str, where: str, properties: dict[str, Any]) -> Route:
        """The route of an event of type Api."""
        api = self._rest_apis.get(str(mapping(properties.get("RestApiId")).get("Ref")))
        if api is None:
            raise TemplateError(f"{where}: RestApiId has to be a !Ref to an AWS::Serverless::Api of this template")
        method, path = self._method_and_path(where, properties)
        mode = str(properties.get("ResponseTransferMode", "BUFFERED"))
        if mode not in _TRANSFER_MODES:
            raise TemplateError(f"{where}: {mode} is not a ResponseTransferMode")
        authorizer = self._authorizer(where, properties, self._rest_defaults[api.name], f"{api.name}.")
        limit = float(self._resolver.resolve(properties.get("TimeoutInMillis", 29_000), where)) / 1000
        if not 0.05 <= limit <= (900 if _TRANSFER_MODES[mode] else 300):
            raise TemplateError(f"{where}: TimeoutInMillis is more than AWS takes")
        return Route(method, path, function, authorizer, api, _TRANSFER_MODES[mode], limit)

    def _of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self._resources.items():
            if resource.get("Type") == f"AWS::Serverless::{kind}":
                yield name, mapping(resource.get("Properties"))

    def _read_http(self) -> str | None:
        apis = dict(self._of_type("HttpApi"))
        if len(apis) > 1:
            raise TemplateError(f"{', '.join(apis)}: the local runner serves one HTTP API")
        auth = dict(mapping(mapping(self._globals.get("HttpApi")).get("Auth")))
        for properties in apis.values():
            auth.update(mapping(properties.get("Auth")))
        where = next(iter(apis), "Globals.HttpApi")
        for name, node in mapping(auth.get("Authorizers")).items():
            body = mapping(node)
            self._check_function(where, name, body)
            if str(body.get("AuthorizerPayloadFormatVersion")) != "2.0" or not body.get("EnableSimpleResponses"):
                raise TemplateError(
                    f"{where}: the authorizer {name} needs AuthorizerPayloadFormatVersion 2.0 and EnableSimpleResponses"
                )
            self.authorizers[name] = self._lambda_authorizer(where, name, body)
        return auth.get("DefaultAuthorizer")

    def _read_rest(self, api: str, properties: dict[str, Any]) -> None:
        if properties.get("Cors"):
            raise TemplateError(f"{api}: Cors is not supported by the local runner; let a function answer OPTIONS")
        auth = mapping(properties.get("Auth"))
        for name, node in mapping(auth.get("Authorizers")).items():
            body = mapping(node)
            self._check_function(api, name, body)
            if body.get("FunctionPayloadType") != "REQUEST":
                raise TemplateError(f"{api}: the authorizer {name} needs FunctionPayloadType REQUEST")
            self.authorizers[f"{api}.{name}"] = self._lambda_authorizer(api, name, body)
        binary = [str(kind).replace("~1", "/") for kind in items(properties.get("BinaryMediaTypes"))]
        stage = str(self._resolver.resolve(properties.get("StageName"), f"{api}.StageName"))
        self._rest_apis[api] = RestApi(api, stage, tuple(binary))
        self._rest_defaults[api] = auth.get("DefaultAuthorizer")

    @staticmethod
    def _check_function(where: str, name: str, body: dict[str, Any]) -> None:
        if "FunctionArn" not in body:
            raise TemplateError(f"{where}: the authorizer {name} is not a Lambda authorizer")

    def _lambda_authorizer(self, where: str, name: str, body: dict[str, Any]) -> Authorizer:
        arn = str(self._resolver.resolve(body["FunctionArn"], f"{where}.Auth.{name}"))
        headers = items(mapping(body.get("Identity")).get("Headers"))
        return Authorizer(name, arn.rsplit(":", 1)[-1], tuple(str(header).lower() for header in headers))

    def _method_and_path(self, where: str, properties: dict[str, Any]) -> tuple[str, str]:
        path = str(self._resolver.resolve(properties.get("Path"), where))
        method = str(properties.get("Method")).upper()
        method = "ANY" if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" else method
        if method not in _METHODS:
            raise TemplateError(f"{where}: {method} is not a method")
        if path != "$default" and not path.startswith("/"):
            raise TemplateError(f"{where}: the path {path} does not begin with /")
        return method, path

    def _authorizer(self, where: str, properties: dict[str, Any], default: str | None, scope: str) -> str | None:
        name = mapping(properties.get("Auth")).get("Authorizer", default)
        if name is None or name == "NONE":
            return None
        if scope + name not in self.authorizers:
            raise TemplateError(f"{where}: the authorizer {name} does not exist")
        return scope + name
