"""The APIs of a template: one HTTP API, and REST APIs for responses that stream, with routes and authorizers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import TemplateError
from local.json_values import list_or_empty, mapping_or_empty
from local.template.intrinsics import Resolver

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"}
IterateResources = Callable[[str], Iterable[tuple[str, dict[str, Any]]]]
_STREAMS_BY_TRANSFER_MODE = {"BUFFERED": False, "RESPONSE_STREAM": True}


@dataclass(frozen=True)
class Authorizer:
    """A Lambda authorizer.

    Args:
        name: Name in the template.
        function: Logical id of its function.
        identity_headers: Headers, in lower case, without which a request gets a 401 and the function is not invoked.
        ttl: Seconds for which a response is cached by the values of these headers; 0 caches nothing.
    """

    name: str
    function: str
    identity_headers: tuple[str, ...]
    ttl: float = 0.0


@dataclass(frozen=True)
class GatewayResponse:
    """The template of a response that a REST API gives itself.

    Args:
        status: The HTTP status; None for the usual one of its type.
        headers: Sources of the headers' values by name: `'text'`, or a variable such as `context.requestId`.
        body: Text with variables such as `$context.error.messageString`.
    """

    status: int | None
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class RestApi:
    """A REST API.

    Args:
        name: Logical id.
        stage: Name of its stage.
        binary_media_types: Media types whose bodies it passes on in base64.
        gateway_responses: Templates of its own responses, by type, such as `UNAUTHORIZED` or `DEFAULT_4XX`.
    """

    name: str
    stage: str
    binary_media_types: tuple[str, ...]
    gateway_responses: Mapping[str, GatewayResponse] = field(default_factory=dict[str, GatewayResponse], hash=False)


@dataclass(frozen=True)
class Route:
    """One route.

    Args:
        method: In upper case; `ANY` for all methods.
        path: Such as `/status/{id}`; `$default` for the default route.
        function: Logical id of the function.
        authorizer: Name of the authorizer, with its REST API in front; None for a public route.
        rest_api: The REST API that has the route; None for the HTTP API.
        streaming: Whether the response is relayed while the function runs; REST APIs only.
        timeout: Seconds that a REST API waits for the whole response; 29 is AWS's default.
    """

    method: str
    path: str
    function: str
    authorizer: str | None
    rest_api: RestApi | None = None
    streaming: bool = False
    timeout: float = 29.0

    @property
    def key(self) -> str:
        """API Gateway's routeKey, such as `GET /status/{id}`."""
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"


class ApiReader:
    """Reads the APIs of a template.

    Args:
        globals_: The Globals section.
        iter_resources: Yields name and properties of the resources of a type, named without `AWS::Serverless::`.
        resolver: Resolves intrinsics.

    Raises:
        TemplateError: An API is not supported by the local stack; raised by the methods too.
    """

    def __init__(self, globals_: Mapping[str, Any], iter_resources: IterateResources, resolver: Resolver) -> None:
        self._globals = globals_
        self._iter_resources = iter_resources
        self._resolver = resolver
        self.authorizers: dict[str, Authorizer] = {}
        """By name; those of a REST API are named `Api.Name`."""
        self._http_default_authorizer = self._read_http_api()
        self._rest_apis: dict[str, RestApi] = {}
        self._rest_default_authorizers: dict[str, str | None] = {}
        for name, properties in self._iter_resources("Api"):
            self._read_rest_api(name, properties)

    def read_http_route(self, function: str, location: str, properties: dict[str, Any]) -> Route:
        """Read the route of an event of type HttpApi."""
        method, path = self._read_method_and_path(location, {"Path": "$default", "Method": "ANY", **properties})
        return Route(
            method, path, function, self._resolve_authorizer(location, properties, self._http_default_authorizer, "")
        )

    def read_rest_route(self, function: str, location: str, properties: dict[str, Any]) -> Route:
        """Read the route of an event of type Api."""
        api = self._rest_apis.get(str(mapping_or_empty(properties.get("RestApiId")).get("Ref")))
        if api is None:
            raise TemplateError(f"{location}: RestApiId has to be a !Ref to an AWS::Serverless::Api of this template")
        method, path = self._read_method_and_path(location, properties)
        transfer_mode = str(properties.get("ResponseTransferMode", "BUFFERED"))
        if transfer_mode not in _STREAMS_BY_TRANSFER_MODE:
            raise TemplateError(f"{location}: {transfer_mode} is not a ResponseTransferMode")
        authorizer = self._resolve_authorizer(
            location, properties, self._rest_default_authorizers[api.name], f"{api.name}."
        )
        timeout = float(self._resolver.resolve(properties.get("TimeoutInMillis", 29_000), location)) / 1000
        if not 0.05 <= timeout <= (900 if _STREAMS_BY_TRANSFER_MODE[transfer_mode] else 300):
            raise TemplateError(f"{location}: TimeoutInMillis is more than AWS takes")
        return Route(method, path, function, authorizer, api, _STREAMS_BY_TRANSFER_MODE[transfer_mode], timeout)

    def _read_http_api(self) -> str | None:
        apis = dict(self._iter_resources("HttpApi"))
        if len(apis) > 1:
            raise TemplateError(f"{', '.join(apis)}: the local runner serves one HTTP API")
        auth = dict(mapping_or_empty(mapping_or_empty(self._globals.get("HttpApi")).get("Auth")))
        for properties in apis.values():
            auth.update(mapping_or_empty(properties.get("Auth")))
        location = next(iter(apis), "Globals.HttpApi")
        for name, node in mapping_or_empty(auth.get("Authorizers")).items():
            body = mapping_or_empty(node)
            self._require_lambda_authorizer(location, name, body)
            if str(body.get("AuthorizerPayloadFormatVersion")) != "2.0" or not body.get("EnableSimpleResponses"):
                raise TemplateError(
                    f"{location}: the authorizer {name} needs AuthorizerPayloadFormatVersion 2.0"
                    " and EnableSimpleResponses"
                )
            self.authorizers[name] = self._read_lambda_authorizer(location, name, body)
        return auth.get("DefaultAuthorizer")

    def _read_rest_api(self, api: str, properties: dict[str, Any]) -> None:
        if properties.get("Cors"):
            raise TemplateError(f"{api}: Cors is not supported by the local runner; let a function answer OPTIONS")
        auth = mapping_or_empty(properties.get("Auth"))
        for name, node in mapping_or_empty(auth.get("Authorizers")).items():
            body = mapping_or_empty(node)
            self._require_lambda_authorizer(api, name, body)
            if body.get("FunctionPayloadType") != "REQUEST":
                raise TemplateError(f"{api}: the authorizer {name} needs FunctionPayloadType REQUEST")
            self.authorizers[f"{api}.{name}"] = self._read_lambda_authorizer(api, name, body)
        binary_media_types = [
            str(media_type).replace("~1", "/") for media_type in list_or_empty(properties.get("BinaryMediaTypes"))
        ]
        stage = str(self._resolver.resolve(properties.get("StageName"), f"{api}.StageName"))
        gateway_responses = {
            response_type: self._read_gateway_response(f"{api}.GatewayResponses.{response_type}", node)
            for response_type, node in mapping_or_empty(properties.get("GatewayResponses")).items()
        }
        self._rest_apis[api] = RestApi(api, stage, tuple(binary_media_types), gateway_responses)
        # SAM resolves parameters here, and nothing else.
        self._rest_default_authorizers[api] = self._resolver.resolve(auth.get("DefaultAuthorizer"), f"{api}.Auth")

    def _read_gateway_response(self, location: str, node: Any) -> GatewayResponse:
        response = mapping_or_empty(self._resolver.resolve(node, location))
        body = mapping_or_empty(response.get("ResponseTemplates")).get("application/json")
        if not isinstance(body, str):
            raise TemplateError(f"{location} needs a template for application/json")
        headers = mapping_or_empty(mapping_or_empty(response.get("ResponseParameters")).get("Headers"))
        status = response.get("StatusCode")
        return GatewayResponse(
            None if status is None else int(status), {name: str(value) for name, value in headers.items()}, body
        )

    @staticmethod
    def _require_lambda_authorizer(location: str, name: str, body: dict[str, Any]) -> None:
        if "FunctionArn" not in body:
            raise TemplateError(f"{location}: the authorizer {name} is not a Lambda authorizer")

    def _read_lambda_authorizer(self, location: str, name: str, body: dict[str, Any]) -> Authorizer:
        arn = str(self._resolver.resolve(body["FunctionArn"], f"{location}.Auth.{name}"))
        identity = mapping_or_empty(body.get("Identity"))
        headers = tuple(str(header).lower() for header in list_or_empty(identity.get("Headers")))
        # 300 is AWS's default.
        ttl = float(self._resolver.resolve(identity.get("ReauthorizeEvery", 300), f"{location}.Auth.{name}"))
        return Authorizer(name, arn.rsplit(":", 1)[-1], headers, ttl if headers else 0.0)

    def _read_method_and_path(self, location: str, properties: dict[str, Any]) -> tuple[str, str]:
        path = str(self._resolver.resolve(properties.get("Path"), location))
        method = str(properties.get("Method")).upper()
        method = "ANY" if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" else method
        if method not in _METHODS:
            raise TemplateError(f"{location}: {method} is not a method")
        if path != "$default" and not path.startswith("/"):
            raise TemplateError(f"{location}: the path {path} does not begin with /")
        return method, path

    def _resolve_authorizer(
        self, location: str, properties: dict[str, Any], default: str | None, scope: str
    ) -> str | None:
        name = mapping_or_empty(properties.get("Auth")).get("Authorizer", default)
        if name is None or name == "NONE":
            return None
        if scope + name not in self.authorizers:
            raise TemplateError(f"{location}: the authorizer {name} does not exist")
        return scope + name
