"""What the API's own functions need."""

from .environment import required

__all__ = ["services_api_key", "state_machine_arn"]


def services_api_key() -> str:
    """The key that callers of the Services API present. Raises MissingSetting."""
    return required("SERVICES_API_KEY")


def state_machine_arn(kind: str) -> str:
    """The ARN of the state machine of operations of this kind (`create`, `destroy_tool`…). Raises MissingSetting."""
    return required(f"{kind.upper()}_STATE_MACHINE_ARN")
