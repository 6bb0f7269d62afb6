"""Settings of AWS: what Lambda itself sets, the stack, and the ARNs of the state machines."""

from dataclasses import dataclass, field
from typing import Literal

from .environment import read_optional, read_required

__all__ = ["AwsSettings", "StateMachine", "load_stack_dimensions", "load_state_machine_arn"]

StateMachine = Literal["create", "destroy", "provision", "destroy_tool", "prompt"]
"""The state machines: one per kind of operation, and the one that runs prompts."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """The function's credentials and region, set by Lambda. `endpoint_url` is set only where AWS is simulated.

    The first three fields have the names that botocore's signer reads.
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
    region: str
    endpoint_url: str

    @classmethod
    def load(cls) -> "AwsSettings":
        """Load them again for each request, because credentials rotate. Raises MissingSetting."""
        return cls(
            access_key=read_required("AWS_ACCESS_KEY_ID"),
            secret_key=read_required("AWS_SECRET_ACCESS_KEY"),
            token=read_optional("AWS_SESSION_TOKEN") or None,
            region=read_required("AWS_REGION"),
            endpoint_url=read_optional("AWS_ENDPOINT_URL"),
        )


def load_state_machine_arn(name: StateMachine) -> str:
    """Return the state machine's ARN. Raises MissingSetting."""
    return read_required(f"{name.upper()}_STATE_MACHINE_ARN")


def load_stack_dimensions() -> dict[str, str]:
    """Return the dimensions that tell this stack's metrics from those of others. Raises MissingSetting."""
    return {"stack": read_required("STACK_NAME"), "stage": read_required("STAGE")}
