"""What the API's own functions need."""

from .environment import read_required

__all__ = ["load_services_api_key", "load_state_machine_arn"]


def load_services_api_key() -> str:
    """The key that callers of the Services API present. Raises MissingSetting."""
    return read_required("SERVICES_API_KEY")


def load_state_machine_arn(kind: str) -> str:
    """The ARN of the state machine of operations of this kind (`create`, `destroy_tool`…). Raises MissingSetting."""
    return read_required(f"{kind.upper()}_STATE_MACHINE_ARN")
