"""Railway's one endpoint: reading a GraphQL request, and answering it the way Railway does.

Parsing, validation and badly typed variables are HTTP 400; all else, wrong credentials included, is HTTP 200 with
`errors`.
"""

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

from local.simulator.calls import redacted
from local.simulator.config import Config, RailwayConfig
from local.simulator.engine import Asked, Engine
from local.simulator.faults import Fault
from local.simulator.limiter import Limiter
from local.simulator.railway.context import Context
from local.simulator.railway.problems import INTERNAL, NOT_AUTHORIZED, PROCESSING, Problem
from local.simulator.railway.schema import default_resolver, nulling, schema
from local.simulator.railway.store import ENVIRONMENT, PROJECT, Token
from local.simulator.shape import railway_failure
from local.simulator.state import State
from local.simulator.wire import Obj, Reply, as_obj, as_str

PATH = "/railway/graphql/v2"
_LOG = logging.getLogger("simulator")


@dataclass(frozen=True)
class Parsed:
    """A request that has been read as far as it goes; `refusal` is what is wrong with it."""

    fields: tuple[str, ...] = ("unknown",)
    mutates: bool = False
    document: DocumentNode | None = None
    variables: Obj = field(default_factory=dict[str, object])
    operation_name: str | None = None
    refusal: Reply | None = None


def mount_railway(app: FastAPI, engine: Engine) -> None:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        body = _body(raw, request.headers.get("content-type"))
        parsed = _parse(body)
        headers = dict(request.headers)

        def work(now: float, fault: Fault | None) -> Reply:
            return _answer(engine, headers, parsed, now, fault)

        shown = redacted(body, graphql=True) if body is not None else None
        text = request.url.path + "\n" + raw.decode("utf-8", "replace")
        asked = Asked(
            "railway", parsed.fields, "POST", request.url.path, text, sorted(headers), shown, parsed.mutates, work,
            railway_failure, _settings, _limit_headers,
        )  # fmt: skip
        return await engine.answer(asked)

    app.add_api_route(PATH, endpoint, methods=["POST"], include_in_schema=False)


def _settings(config: Config) -> RailwayConfig:
    return config.railway


def _limit_headers(limiter: Limiter, _status: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limiter.limit), "X-RateLimit-Remaining": str(limiter.remaining),
        "X-RateLimit-Reset": str(int(limiter.reset_at)),
        "RateLimit-Policy": f"{limiter.limit};w={limiter.rule.window_s:g}",
    }  # fmt: skip


def _body(raw: bytes, content_type: str | None) -> Obj | None:
    if (content_type or "").split(";")[0].strip().lower() != "application/json":
        return None
    try:
        value: object = json.loads(raw)
    except ValueError:
        return None
    return as_obj(value) or None


def _parse(body: Obj | None) -> Parsed:
    if body is None:
        return Parsed(refusal=_refused([GraphQLError("POST body must be a JSON object")], "BAD_REQUEST"))
    query, given = as_str(body.get("query")), as_obj(body.get("variables"))
    if query is None or not isinstance(body.get("variables", {}), dict | None):
        return Parsed(refusal=_refused([GraphQLError("query and variables are required")], "BAD_REQUEST"))
    try:
        document = parse(query)
    except GraphQLSyntaxError as error:
        return Parsed(refusal=_refused([error], "GRAPHQL_PARSE_FAILED"))
    name = as_str(body.get("operationName"))
    operation = get_operation_ast(document, name)
    if operation is None:
        return Parsed(refusal=_refused([GraphQLError("Unknown operation")], "OPERATION_RESOLUTION_FAILURE"))
    mutates = operation.operation is OperationType.MUTATION
    found = _root_fields(operation)
    errors = validate(schema(), document)
    if errors:
        return Parsed(found, refusal=_refused(errors, "GRAPHQL_VALIDATION_FAILED"))
    values = get_variable_values(schema(), operation.variable_definitions or (), given)
    if isinstance(values, list):
        return Parsed(found, refusal=_refused(values, "BAD_USER_INPUT"))
    return Parsed(found, mutates, document, given, name)


def _root_fields(operation: OperationDefinitionNode) -> tuple[str, ...]:
    found = [node.name.value for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    return tuple(dict.fromkeys(found)) or ("unknown",)


def _refused(errors: Sequence[GraphQLError], code: str) -> Reply:
    return Reply(400, {"errors": [_shown(error, code) for error in errors]})


def _shown(error: GraphQLError, code: str) -> Obj:
    result: Obj = {"message": error.message}
    if error.locations:
        result["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        result["path"] = error.path
    result["extensions"] = {"code": code}
    result["traceId"] = str(secrets.randbits(62))
    return result


def _denied(parsed: Parsed, message: str, code: str = INTERNAL) -> Reply:
    error = GraphQLError(message, path=[parsed.fields[0]])
    return Reply(200, {"errors": [_shown(error, code)], "data": None})


def _token(state: State, settings: RailwayConfig, headers: Mapping[str, str], parsed: Parsed) -> Token | Reply | None:
    """Who asks: a project token, an account (null), or nobody (the answer that says so)."""
    bearer, project = headers.get("authorization"), headers.get("project-access-token")
    if bearer is not None and project is not None:
        return _refused([GraphQLError("Send one of Authorization and Project-Access-Token")], "BAD_USER_INPUT")
    if project is not None:
        if project in settings.refused_tokens or not project:
            return _denied(parsed, "Project Token not found")
        known = state.railway.tokens.get(project)
        return known or Token("seeded", "any", project, PROJECT, ENVIRONMENT)
    scheme, _, token = (bearer or "").partition(" ")
    if bearer is not None and not token.strip():
        return _denied(parsed, NOT_AUTHORIZED, "UNAUTHENTICATED")
    # A project token is no bearer token.
    wrong = token.strip() in settings.refused_tokens or token.strip() in state.railway.tokens
    return _denied(parsed, NOT_AUTHORIZED) if bearer is None or scheme.lower() != "bearer" or wrong else None


def _answer(engine: Engine, headers: Mapping[str, str], parsed: Parsed, now: float, fault: Fault | None) -> Reply:
    state, settings = engine.state, engine.config.railway
    if parsed.refusal is not None or parsed.document is None:
        return parsed.refusal or railway_failure_of(PROCESSING)
    token = _token(state, settings, headers, parsed)
    if isinstance(token, Reply):
        return token
    partial = fault is not None and fault.order.kind == "partial"
    nulled = (fault.order.field or "*") if fault is not None and partial else None
    result = execute_sync(
        schema(), parsed.document, context_value=Context(state.railway, settings, now, token, nulled),
        variable_values=parsed.variables, operation_name=parsed.operation_name, field_resolver=default_resolver,
        middleware=[nulling] if partial else None,
    )  # fmt: skip
    errors = [_execution_error(error) for error in result.errors or ()]
    if partial and not errors:
        errors = [_shown(GraphQLError(PROCESSING, path=[parsed.fields[0]]), INTERNAL)]
    return Reply(200, {"errors": errors, "data": result.data} if errors else {"data": result.data})


def _execution_error(error: GraphQLError) -> Obj:
    problem = error.original_error
    if isinstance(problem, Problem):
        return _shown(error, problem.code)
    # Not ordered and not Railway's: a defect of this simulator, which must not pass for a business error unseen.
    _LOG.error("a resolver failed", exc_info=problem or error)
    return _shown(GraphQLError(PROCESSING, path=error.path), INTERNAL)


def railway_failure_of(message: str) -> Reply:
    return Reply(200, {"errors": [_shown(GraphQLError(message), INTERNAL)], "data": None})
