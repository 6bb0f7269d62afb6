"""Events as a REST API makes them: a request in payload format 1.0, its authorizer's, and what the authorizer answers.

Unlike an HTTP API it leaves the path and its parameters as they were sent and headers in the client's case, decodes the
query, and says null for what is not there.
"""

import base64
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from local.apis import RestApi
from local.events import API_ID, HttpRequest
from local.intrinsics import ACCOUNT, REGION
from local.plain import items, mapping
from local.routes import Match

_HOP_BY_HOP = ("connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade")
_IDENTITY = (
    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "principalOrgId", "accessKey",
    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "user",
)  # fmt: skip


def rest_event(request: HttpRequest, match: Match, api: RestApi, identity: Mapping[str, str] | None) -> dict[str, Any]:
    """The event of a route's function.

    Args:
        identity: the authorizer's context with its principalId; None if the route has no authorizer.
    """
    event = _common(request, match, api)
    if identity is not None:
        event["requestContext"]["authorizer"] = {**identity, "integrationLatency": 1}
    binary = is_binary(api, request.header("content-type"))
    if not request.body:
        event["body"] = None
    else:
        # Without a media type that is binary for it, a REST API takes every body for text.
        body, text = request.body, request.body.decode("utf-8", "replace")
        event["body"] = base64.b64encode(body).decode("ascii") if binary else text
    event["isBase64Encoded"] = bool(request.body) and binary
    return event


def rest_authorizer_event(request: HttpRequest, match: Match, api: RestApi) -> dict[str, Any]:
    """The REQUEST event of a Lambda authorizer."""
    common = _common(request, match, api)
    empty = {name: dict[str, str]() for name, value in common.items() if value is None}
    return {"type": "REQUEST", "methodArn": method_arn(request, api), **common, **empty}


def method_arn(request: HttpRequest, api: RestApi) -> str:
    """What an authorizer's policy is about."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{api.stage}/{request.method}{request.raw_path}"


def is_binary(api: RestApi, media_types: str) -> bool:
    """Whether the first of some media types is one that the API passes on in base64."""
    kind = re.split("[,;]", media_types, maxsplit=1)[0].strip().lower()
    return "*/*" in api.binary or kind in api.binary


def identity_of(answer: Mapping[str, Any], arn: str) -> dict[str, str] | None:
    """The context that an authorizer gives a caller, as strings; None if its policy does not let the caller in.

    Raises:
        ValueError: it is no answer of an authorizer.
    """
    principal, policy, context = answer.get("principalId"), answer.get("policyDocument"), answer.get("context")
    if not isinstance(principal, str) or not isinstance(policy, dict) or not isinstance(context or {}, dict):
        raise ValueError("principalId and policyDocument are needed")
    given: dict[str, str] = {}
    for name, value in mapping(context).items():
        if not isinstance(value, (str, int, float)):
            raise ValueError(f"the context's {name} is not a string, a number or a boolean")
        given[name] = str(value).lower() if isinstance(value, bool) else str(value)
    statements = mapping(answer.get("policyDocument")).get("Statement")
    effects = {
        str(statement.get("Effect"))
        for statement in map(mapping, items(statements) or [statements])
        if _covers(statement, "Action", "execute-api:Invoke") and _covers(statement, "Resource", arn)
    }
    return {**given, "principalId": principal} if effects == {"Allow"} else None


def _covers(statement: Mapping[str, Any], part: str, value: str) -> bool:
    wanted = statement.get(part)
    for pattern in items(wanted) or [wanted]:
        expression = re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(expression, value, re.IGNORECASE if part == "Action" else 0):
            return True
    return False


def _common(request: HttpRequest, match: Match, api: RestApi) -> dict[str, Any]:
    headers = _several(_headers(request))
    query = _several(parse_qsl(request.raw_query, keep_blank_values=True))
    parameters = _parameters(match.route.path, request.raw_path)
    host = request.header("host")
    domain = host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host
    now = time.time()
    about = {
        "resourceId": "local",
        "resourcePath": match.route.path,
        "httpMethod": request.method,
        "extendedRequestId": request.request_id,
        "requestTime": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S +0000}",
        "path": f"/{api.stage}{request.raw_path}",
        "accountId": ACCOUNT,
        "protocol": request.protocol,
        "stage": api.stage,
        "domainPrefix": domain.split(".", 1)[0],
        "requestTimeEpoch": int(now * 1000),
        "requestId": request.request_id,
        "identity": {
            **dict.fromkeys(_IDENTITY),
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent") or None,
        },
        "domainName": domain,
        "deploymentId": "local",
        "apiId": API_ID,
    }
    return {
        "resource": match.route.path,
        "path": request.raw_path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": about,
    }


def _parameters(path: str, sent: str) -> dict[str, str]:
    segments = sent.split("/")
    return {
        name.strip("{}+"): "/".join(segments[index:]) if name.endswith("+}") else segments[index]
        for index, name in enumerate(path.split("/"))
        if name.startswith("{")
    }


def _headers(request: HttpRequest) -> list[tuple[str, str]]:
    headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_BY_HOP]
    forwarded = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    own = {
        "X-Forwarded-For": ", ".join([*forwarded, request.source_ip]),
        "X-Forwarded-Port": str(request.port),
        "X-Forwarded-Proto": "http",
    }
    if not request.header("x-amzn-trace-id"):
        own["X-Amzn-Trace-Id"] = f"Root=1-{int(time.time()):08x}-{request.request_id.replace('-', '')[:24]}"
    replaced = {name.lower() for name in own}
    return [(name, value) for name, value in headers if name.lower() not in replaced] + list(own.items())


def _several(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return several
