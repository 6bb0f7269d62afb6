"""The authorizer of the Agent API, which both gateways call before every route that is not public.

It accepts all requests, without an identity where there is a problem: the endpoints send the contract's 401 or 503.
"""

from typing import Any

from pointsman import deadlines
from pointsman.errors import SecretsUnavailable, SettingError
from pointsman.identity.caller import identify_caller
from pointsman.identity.failures import report_failure
from pointsman.identity.models import Caller
from pointsman.identity.permissions import format_permissions


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Identify the caller; the context has the `user` with the `permissions`, or the `problem` for the 401.

    The HTTP API takes a simple response, the REST API an IAM policy of the whole stage, which it caches for all routes.
    It would cache too that a secret cannot be read, which is raised to it as SecretsUnavailable.
    """
    with deadlines.begin(context):
        user, problem, permissions = _identify(event)
    identity_context = {"user": user, "problem": problem, "permissions": format_permissions(permissions)}
    if "methodArn" not in event:
        return {"isAuthorized": True, "context": identity_context}
    stage = "/".join(event["methodArn"].split("/", 2)[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": user or "nobody", "policyDocument": policy, "context": identity_context}


def _identify(event: dict[str, Any]) -> Caller:
    try:
        return identify_caller(event)
    except (SettingError, SecretsUnavailable) as error:
        if error.retryable and "methodArn" in event:
            raise
        return Caller("", report_failure(error))
