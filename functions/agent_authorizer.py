"""Who is calling the Agent API: the gateways ask this before every route that is not public.

Wrong credentials pass as nobody, because a gateway cannot send the contract's own 401; the functions refuse callers
without identity.
"""

from typing import Any

from pointsman.identity.caller import identify_caller


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    user, problem = identify_caller(event)
    identity_context = {"user": user, "problem": problem}
    if "methodArn" not in event:
        return {"isAuthorized": True, "context": identity_context}
    # A REST API wants a policy. It may keep it for other routes, so it is for the whole stage.
    stage = "/".join(event["methodArn"].split("/", 2)[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": user or "nobody", "policyDocument": policy, "context": identity_context}
