"""AWS identifiers of the local stack: region, account, API id and the ARNs built from them.

The account is the one that moto uses for every caller, so ARNs built here match the ARNs that moto returns.
"""

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
SECRET_PREFIX = "pointsman-local"  # noqa: S105 - a name
"""Prefix of the names of the stack's secrets in the simulated Secrets Manager."""
API_ID = "local"
"""The id that both kinds of API have in events and in ARNs."""


def build_function_arn(name: str) -> str:
    """Build the ARN of a function from its logical id."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"


def build_state_machine_arn(name: str) -> str:
    """Build the ARN of a state machine from its logical id."""
    return f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:{name}"


def build_execute_api_arn(stage: str, method: str, path: str) -> str:
    """Build the ARN that an authorizer decides about: one method and path of a stage of the API."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/{stage}/{method}{path}"
