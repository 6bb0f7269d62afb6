"""Identification of the caller from the event of a Lambda authorizer."""

from collections.abc import Mapping
from typing import Any

from ..settings.api import load_auth_mode
from ..settings.permissions import load_operators, load_roles
from .api_key import is_agent_api_key, is_agent_operator_api_key
from .models import MAX_USER_ID_LENGTH, NOT_THROUGH_CLOUDFRONT, Caller, is_user_id
from .origin import has_origin_secret
from .permissions import resolve_roles
from .request_headers import get_bearer_token, get_header_values

__all__ = ["identify_caller"]

OPERATOR_ROLE = "operator"
"""The role of who has the operators' key, or is listed in AGENT_OPERATORS."""

_MALFORMED_USER_ID = (
    f"X-User-Id must be given once, with 1 to {MAX_USER_ID_LENGTH} visible ASCII characters and no comma"
)


def identify_caller(event: Mapping[str, Any]) -> Caller:
    """Identify the caller of a request as AGENT_AUTH says.

    Args:
        event: An authorizer's event, of payload format 1.0 or 2.0.

    Returns:
        The caller, or a `Caller` with the problem: a bad credential is not an exception.

    Raises:
        MissingSetting: A setting of the mode is not set.
        InvalidSetting: AGENT_AUTH, ALLOW_HEADER_AUTH, JWT_JWKS_URL or ROLE_PERMISSIONS is wrong.
    """
    if not has_origin_secret(event):
        return Caller("", NOT_THROUGH_CLOUDFRONT)
    mode = load_auth_mode()
    if mode == "jwt":
        return _identify_by_token(event)
    is_operator = False
    if mode == "api_key":
        key = get_bearer_token(event)
        is_operator = is_agent_operator_api_key(key)
        if not is_operator and not is_agent_api_key(key):
            return Caller("", "Invalid or missing API key")
    caller = _identify_by_header(event)
    if mode == "header":
        operators = load_operators()
        is_operator = "*" in operators or caller.user in operators
    return caller._replace(permissions=resolve_roles([OPERATOR_ROLE], load_roles())) if is_operator else caller


def _identify_by_header(event: Mapping[str, Any]) -> Caller:
    user_ids = get_header_values(event, "x-user-id")
    if not user_ids:
        return Caller("", "X-User-Id is missing")
    # An HTTP API joins repeated headers with a comma. Two ids are ambiguous.
    if len(user_ids) > 1 or "," in user_ids[0] or not is_user_id(user_ids[0]):
        return Caller("", _MALFORMED_USER_ID)
    return Caller(user_ids[0])


def _identify_by_token(event: Mapping[str, Any]) -> Caller:
    from ..settings.jwt import JwtSettings
    from .jwks import get_jwks_cache
    from .tokens import verify_token

    settings = JwtSettings.load()
    assert settings is not None
    token = get_bearer_token(event)
    if not token:
        return Caller("", "The bearer token is missing")
    caller = verify_token(token, settings, get_jwks_cache(settings.jwks_url))
    user_ids = get_header_values(event, "x-user-id")
    if caller.user and user_ids and user_ids != [caller.user]:
        return Caller("", "X-User-Id differs from the token's subject")
    return caller
