"""Settings of AWS: what Lambda itself sets, the stack, and the ARNs of the state machines."""

from typing import Literal

from ..aws_client import AwsAccess
from .environment import read_optional, read_required

__all__ = ["StateMachine", "load_aws_access", "load_stack_dimensions", "load_state_machine_arn"]

StateMachine = Literal["create", "destroy", "provision", "destroy_tool", "prompt"]
"""The state machines: one per kind of operation, and the one that runs prompts."""


def load_aws_access() -> AwsAccess:
    """Return the function's credentials and region, set by Lambda, and the endpoint where AWS is simulated.

    Load them again for each request, because credentials rotate. Raises MissingSetting.
    """
    return AwsAccess(
        access_key=read_required("AWS_ACCESS_KEY_ID"),
        secret_key=read_required("AWS_SECRET_ACCESS_KEY"),
        token=read_optional("AWS_SESSION_TOKEN"),
        region=read_required("AWS_REGION"),
        endpoint_url=read_optional("AWS_ENDPOINT_URL"),
    )


def load_state_machine_arn(name: StateMachine) -> str:
    """Return the state machine's ARN. Raises MissingSetting."""
    return read_required(f"{name.upper()}_STATE_MACHINE_ARN")


def load_stack_dimensions() -> dict[str, str]:
    """Return the dimensions that tell this stack's metrics from those of others. Raises MissingSetting."""
    return {"stack": read_required("STACK_NAME"), "stage": read_required("STAGE")}
