def handler(event, context):
    """Whom X-User names; `denied` and `broken` are what they say."""
    user = event["headers"].get("X-User", "")
    if user == "broken":
        return {"isAuthorized": True}
    effect = "Deny" if user == "denied" else "Allow"
    stage = "/".join(event["methodArn"].split("/", 2)[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": f"{stage}/*"}
    return {
        "principalId": user or "nobody",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"user": user, "number": 5, "yes": True, "type": event["type"]},
    }
