"""Error format and identity of the Agent API, for apps with and without FastAPI."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import AuthRequired, AuthUnavailable, InvalidToolInput, PointsmanError
from ..common import INVALID_JSON_MESSAGE, GatewayEvent, get_authorizer_context, require_authorizer_result
from ..error_format import MAINTENANCE_RETRY_AFTER, ErrorFormat

__all__ = ["ERROR_FORMAT", "require_identity"]

_UNKNOWN_CALLER_MESSAGE = "Who is calling is not known: X-User-Id is missing, or the credentials are missing or wrong"


def require_identity(event: GatewayEvent) -> str:
    """Return the id of the authenticated user.

    Raises:
        AuthRequired: the authorizer authenticated nobody.
        AuthUnavailable: the authorizer could not get the keys to verify the token with.
        Forbidden, Misconfigured, SecretsUnavailable: as `require_authorizer_result` does.
    """
    require_authorizer_result(event)
    context = get_authorizer_context(event)
    if user_id := context.get("user"):
        return str(user_id)
    problem = str(context.get("problem") or "")
    if problem == "unavailable":
        raise AuthUnavailable("Whether the token is genuine cannot be checked at the moment")
    raise AuthRequired(problem or _UNKNOWN_CALLER_MESSAGE)


def _make_body(error: PointsmanError, _request_id: str | None) -> dict[str, Any]:
    content: dict[str, object] = {"code": error.code, "message": error.message}
    if details := error.issues if isinstance(error, InvalidToolInput) else error.details:
        content["details"] = details
    return {"error": content}


def _make_validation_error(issues: Sequence[Mapping[str, Any]]) -> InvalidToolInput:
    if not issues:
        return InvalidToolInput(INVALID_JSON_MESSAGE)
    return InvalidToolInput(
        "The request is not valid", [{"path": list(issue["loc"][1:]), "message": issue["msg"]} for issue in issues]
    )


ERROR_FORMAT = ErrorFormat(
    _make_body,
    {
        "AUTH_REQUIRED": {"WWW-Authenticate": "Bearer"},
        "AUTH_UNAVAILABLE": {"Retry-After": "2"},
        "MAINTENANCE": {"Retry-After": MAINTENANCE_RETRY_AFTER},
    },
    _make_validation_error,
)
"""The contract's format in part B: `{"error": {"code", "message", "details"}}`; `details` only if there are any."""
