"""Railway's GraphQL endpoint: request parsing, authentication, execution.

Failed parsing, failed validation and invalid variables are HTTP 400. All other errors, wrong credentials included, are
HTTP 200 with `errors`, as at Railway.
"""

import functools
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import FastAPI
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,  # pyright: ignore[reportUnknownVariableType]
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution import get_variable_values
from starlette.requests import Request
from starlette.responses import Response

from local.simulator.config import Config, RailwayConfig
from local.simulator.engine.call_log import redact_body
from local.simulator.engine.engine import Engine, IncomingCall
from local.simulator.engine.faults import Fault
from local.simulator.engine.rate_limiter import RateLimiter
from local.simulator.http.messages import Obj, Reply, as_obj, as_str
from local.simulator.http.provider_errors import railway_error
from local.simulator.railway.context import ResolverContext
from local.simulator.railway.errors import INTERNAL_SERVER_ERROR, NOT_AUTHORIZED, PROCESSING_PROBLEM, BusinessError
from local.simulator.railway.schema import get_schema, null_fields, resolve_default
from local.simulator.state.railway import ENVIRONMENT_ID, PROJECT_ID, ProjectToken
from local.simulator.state.store import State

PATH = "/railway/graphql/v2"
_LOG = logging.getLogger("simulator")


@dataclass(frozen=True)
class ParsedRequest:
    """A request, parsed as far as it is valid; `error` is the response to an invalid one."""

    root_fields: tuple[str, ...] = ("unknown",)
    is_mutation: bool = False
    document: DocumentNode | None = None
    variables: Obj = field(default_factory=dict[str, object])
    operation_name: str | None = None
    error: Reply | None = None


def mount_railway(app: FastAPI, engine: Engine) -> None:
    """Add the route of Railway's GraphQL endpoint; `engine` applies latency, faults and rate limits to every call."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        body = _parse_body(raw, request.headers.get("content-type"))
        parsed = _parse_request(body)
        headers = dict(request.headers)

        def execute(now: float, fault: Fault | None) -> Reply:
            return _execute_request(engine, headers, parsed, now, fault)

        logged_body = redact_body(body, is_graphql=True) if body is not None else None
        match_text = request.url.path + "\n" + raw.decode("utf-8", "replace")
        incoming_call = IncomingCall(
            "railway",
            parsed.root_fields,
            "POST",
            request.url.path,
            match_text,
            sorted(headers),
            logged_body,
            parsed.is_mutation,
            execute,
            railway_error,
            _select_config,
            _rate_limit_headers,
        )
        return await engine.handle_call(incoming_call)

    app.add_api_route(PATH, endpoint, methods=["POST"], include_in_schema=False)


def _select_config(config: Config) -> RailwayConfig:
    return config.railway


def _rate_limit_headers(limiter: RateLimiter, _status: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limiter.limit), "X-RateLimit-Remaining": str(limiter.remaining),
        "X-RateLimit-Reset": str(int(limiter.reset_at)),
        "RateLimit-Policy": f"{limiter.limit};w={limiter.rule.window_s:g}",
    }  # fmt: skip


def _parse_body(raw: bytes, content_type: str | None) -> Obj | None:
    if (content_type or "").split(";")[0].strip().lower() != "application/json":
        return None
    try:
        value: object = json.loads(raw)
    except ValueError:
        return None
    return as_obj(value) or None


def _parse_request(body: Obj | None) -> ParsedRequest:
    if body is None:
        return ParsedRequest(
            error=_invalid_request_error([GraphQLError("POST body must be a JSON object")], "BAD_REQUEST")
        )
    query, variables = as_str(body.get("query")), as_obj(body.get("variables"))
    if query is None or not isinstance(body.get("variables", {}), dict | None):
        return ParsedRequest(
            error=_invalid_request_error([GraphQLError("query and variables are required")], "BAD_REQUEST")
        )
    try:
        document = _parse_document(query)
    except GraphQLSyntaxError as error:
        return ParsedRequest(error=_invalid_request_error([error], "GRAPHQL_PARSE_FAILED"))
    name = as_str(body.get("operationName"))
    operation = get_operation_ast(document, name)
    if operation is None:
        return ParsedRequest(
            error=_invalid_request_error([GraphQLError("Unknown operation")], "OPERATION_RESOLUTION_FAILURE")
        )
    is_mutation = operation.operation is OperationType.MUTATION
    root_fields = _get_root_fields(operation)
    errors = _validate_document(query)
    if errors:
        return ParsedRequest(root_fields, error=_invalid_request_error(errors, "GRAPHQL_VALIDATION_FAILED"))
    values = get_variable_values(get_schema(), operation.variable_definitions or (), variables)
    if isinstance(values, list):
        return ParsedRequest(root_fields, error=_invalid_request_error(values, "BAD_USER_INPUT"))
    return ParsedRequest(root_fields, is_mutation, document, variables, name)


# A client sends the same few documents, and validation costs more than all the rest of a call.
@functools.lru_cache(maxsize=256)
def _parse_document(query: str) -> DocumentNode:
    return parse(query)


@functools.lru_cache(maxsize=256)
def _validate_document(query: str) -> list[GraphQLError]:
    return validate(get_schema(), _parse_document(query))


def _get_root_fields(operation: OperationDefinitionNode) -> tuple[str, ...]:
    found = [node.name.value for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return tuple(dict.fromkeys(found)) or ("unknown",)


def _invalid_request_error(errors: Sequence[GraphQLError], code: str) -> Reply:
    return Reply(400, {"errors": [_serialize_error(error, code) for error in errors]})


def _serialize_error(error: GraphQLError, code: str) -> Obj:
    result: Obj = {"message": error.message}
    if error.locations:
        result["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        result["path"] = error.path
    result["extensions"] = {"code": code}
    result["traceId"] = str(secrets.randbits(62))
    return result


def _authorization_error(parsed: ParsedRequest, message: str, code: str = INTERNAL_SERVER_ERROR) -> Reply:
    error = GraphQLError(message, path=[parsed.root_fields[0]])
    return Reply(200, {"errors": [_serialize_error(error, code)], "data": None})


def _authenticate(
    state: State, settings: RailwayConfig, headers: Mapping[str, str], parsed: ParsedRequest
) -> ProjectToken | Reply | None:
    """Authenticate a request by `Project-Access-Token` or `Authorization: Bearer`, of which only one is allowed.

    Returns:
        The project token, None for an account token, or the error response.
    """
    authorization, project_token = headers.get("authorization"), headers.get("project-access-token")
    if authorization is not None and project_token is not None:
        return _invalid_request_error(
            [GraphQLError("Send one of Authorization and Project-Access-Token")], "BAD_USER_INPUT"
        )
    if project_token is not None:
        if project_token in settings.refused_tokens or not project_token:
            return _authorization_error(parsed, "Project Token not found")
        known_token = state.railway.tokens.get(project_token)
        return known_token or ProjectToken("seeded", "any", project_token, PROJECT_ID, ENVIRONMENT_ID)
    scheme, _, token = (authorization or "").partition(" ")
    if authorization is not None and not token.strip():
        return _authorization_error(parsed, NOT_AUTHORIZED, "UNAUTHENTICATED")
    # Railway rejects a project token that is sent as a bearer token.
    is_refused = token.strip() in settings.refused_tokens or token.strip() in state.railway.tokens
    return (
        _authorization_error(parsed, NOT_AUTHORIZED)
        if authorization is None or scheme.lower() != "bearer" or is_refused
        else None
    )


def _execute_request(
    engine: Engine, headers: Mapping[str, str], parsed: ParsedRequest, now: float, fault: Fault | None
) -> Reply:
    state, settings = engine.state, engine.config.railway
    if parsed.error is not None or parsed.document is None:
        return parsed.error or _internal_error(PROCESSING_PROBLEM)
    token = _authenticate(state, settings, headers, parsed)
    if isinstance(token, Reply):
        return token
    is_partial = fault is not None and fault.spec.kind == "partial"
    nulled_field = (fault.spec.field or "*") if fault is not None and is_partial else None
    result = execute_sync(
        get_schema(), parsed.document, context_value=ResolverContext(state.railway, settings, now, token, nulled_field),
        variable_values=parsed.variables, operation_name=parsed.operation_name, field_resolver=resolve_default,
        middleware=[null_fields] if is_partial else None,
    )  # fmt: skip
    errors = [_execution_error(error) for error in result.errors or ()]
    if is_partial and not errors:
        errors = [
            _serialize_error(GraphQLError(PROCESSING_PROBLEM, path=[parsed.root_fields[0]]), INTERNAL_SERVER_ERROR)
        ]
    return Reply(200, {"errors": errors, "data": result.data} if errors else {"data": result.data})


def _execution_error(error: GraphQLError) -> Obj:
    problem = error.original_error
    if isinstance(problem, BusinessError):
        return _serialize_error(error, problem.code)
    # A defect of the simulator. The response looks like an error of Railway, so only this log line reveals it.
    _LOG.error("a resolver failed", exc_info=problem or error)
    return _serialize_error(GraphQLError(PROCESSING_PROBLEM, path=error.path), INTERNAL_SERVER_ERROR)


def _internal_error(message: str) -> Reply:
    return Reply(200, {"errors": [_serialize_error(GraphQLError(message), INTERNAL_SERVER_ERROR)], "data": None})
