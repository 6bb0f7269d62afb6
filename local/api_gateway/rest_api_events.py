"""Events of a REST API in payload format 1.0, and the evaluation of a Lambda authorizer's policy.

A REST API differs from an HTTP API: path and path parameters stay percent-encoded, headers keep the client's case,
the query is decoded, and missing values are null instead of absent. The format is the one of "Lambda proxy integrations
in API Gateway" in API Gateway's guide.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from local.api_gateway.http_request import HttpRequest
from local.api_gateway.router import RouteMatch
from local.json_values import list_or_empty, mapping_or_empty, scalar_to_text
from local.template.apis import RestApi
from local.template.aws_identifiers import ACCOUNT_ID, API_ID, build_execute_api_arn

_HOP_BY_HOP_HEADERS = ("connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade")
_IDENTITY_FIELDS = (
    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "principalOrgId", "accessKey",
    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "user",
)  # fmt: skip


def build_rest_event(
    request: HttpRequest, route_match: RouteMatch, api: RestApi, authorizer_context: Mapping[str, str] | None
) -> dict[str, Any]:
    """Build the event of a route's function.

    Args:
        request: The request.
        route_match: The route that it takes.
        api: The REST API that has the route.
        authorizer_context: The authorizer's context with its principalId; None if the route has no authorizer.
    """
    event = _build_common_fields(request, route_match, api)
    if authorizer_context is not None:
        event["requestContext"]["authorizer"] = {**authorizer_context, "integrationLatency": 1}
    has_binary_body = is_binary_media_type(api, request.header("content-type"))
    if not request.body:
        event["body"] = None
    else:
        # A REST API treats every body as text unless its media type is listed as binary.
        body, text = request.body, request.body.decode("utf-8", "replace")
        event["body"] = base64.b64encode(body).decode("ascii") if has_binary_body else text
    event["isBase64Encoded"] = bool(request.body) and has_binary_body
    return event


def build_rest_authorizer_event(request: HttpRequest, route_match: RouteMatch, api: RestApi) -> dict[str, Any]:
    """Build the REQUEST event of a Lambda authorizer."""
    common = _build_common_fields(request, route_match, api)
    empty_fields = {name: dict[str, str]() for name, value in common.items() if value is None}
    return {"type": "REQUEST", "methodArn": build_method_arn(request, api), **common, **empty_fields}


def build_method_arn(request: HttpRequest, api: RestApi) -> str:
    """Build the ARN of the requested method, which an authorizer's policy has to allow."""
    return build_execute_api_arn(api.stage, request.method, request.raw_path)


def is_binary_media_type(api: RestApi, media_types: str) -> bool:
    """Return whether the API passes a body on in base64.

    Args:
        api: The REST API.
        media_types: A Content-Type or Accept header; the first media type of it decides.
    """
    media_type = re.split("[,;]", media_types, maxsplit=1)[0].strip().lower()
    return "*/*" in api.binary_media_types or media_type in api.binary_media_types


def evaluate_authorizer_response(response: Mapping[str, Any], requested_arn: str) -> dict[str, str] | None:
    """Evaluate a Lambda authorizer's response by its IAM policy.

    Returns:
        The caller's context with its principalId, all values as strings; None if the policy does not allow the request.

    Raises:
        ValueError: The response lacks a principalId or a policyDocument, or its context holds other than scalars.
    """
    principal, policy, context = response.get("principalId"), response.get("policyDocument"), response.get("context")
    if not isinstance(principal, str) or not isinstance(policy, dict) or not isinstance(context or {}, dict):
        raise ValueError("principalId and policyDocument are needed")
    context_values: dict[str, str] = {}
    for name, value in mapping_or_empty(context).items():
        if not isinstance(value, (str, int, float)):
            raise ValueError(f"the context's {name} is not a string, a number or a boolean")
        context_values[name] = scalar_to_text(value)
    statements = mapping_or_empty(response.get("policyDocument")).get("Statement")
    effects = {
        str(statement.get("Effect"))
        for statement in map(mapping_or_empty, list_or_empty(statements) or [statements])
        if _is_covered_by(statement, "Action", "execute-api:Invoke")
        and _is_covered_by(statement, "Resource", requested_arn)
    }
    return {**context_values, "principalId": principal} if effects == {"Allow"} else None


def _is_covered_by(statement: Mapping[str, Any], element: str, value: str) -> bool:
    patterns = statement.get(element)
    for pattern in list_or_empty(patterns) or [patterns]:
        expression = re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(expression, value, re.IGNORECASE if element == "Action" else 0):
            return True
    return False


def _build_common_fields(request: HttpRequest, route_match: RouteMatch, api: RestApi) -> dict[str, Any]:
    headers = _group_values(_build_headers(request))
    query = _group_values(parse_qsl(request.raw_query, keep_blank_values=True))
    parameters = _extract_path_parameters(route_match.route.path, request.raw_path)
    domain = request.domain_name
    request_context = {
        "resourceId": "local",
        "resourcePath": route_match.route.path,
        "httpMethod": request.method,
        "extendedRequestId": request.request_id,
        "requestTime": request.time_text,
        "path": f"/{api.stage}{request.raw_path}",
        "accountId": ACCOUNT_ID,
        "protocol": request.protocol,
        "stage": api.stage,
        "domainPrefix": domain.split(".", 1)[0],
        "requestTimeEpoch": request.time_epoch_ms,
        "requestId": request.request_id,
        "identity": {
            **dict.fromkeys(_IDENTITY_FIELDS),
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or None,
        },
        "domainName": domain,
        "deploymentId": "local",
        "apiId": API_ID,
    }
    return {
        "resource": route_match.route.path,
        "path": request.raw_path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": request_context,
    }


def _extract_path_parameters(route_path: str, raw_path: str) -> dict[str, str]:
    segments = raw_path.split("/")
    return {
        name.strip("{}+"): "/".join(segments[index:]) if name.endswith("+}") else segments[index]
        for index, name in enumerate(route_path.split("/"))
        if name.startswith("{")
    }


def _build_headers(request: HttpRequest) -> list[tuple[str, str]]:
    headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_BY_HOP_HEADERS]
    forwarded = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    gateway_headers = {
        "X-Forwarded-For": ", ".join([*forwarded, request.source_ip]),
        "X-Forwarded-Port": str(request.port),
        "X-Forwarded-Proto": "http",
    }
    if not request.header("x-amzn-trace-id"):
        gateway_headers["X-Amzn-Trace-Id"] = request.trace_id
    replaced_names = {name.lower() for name in gateway_headers}
    return [(name, value) for name, value in headers if name.lower() not in replaced_names] + list(
        gateway_headers.items()
    )


def _group_values(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
