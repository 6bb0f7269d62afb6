"""What a prompt may use, and how long things may take."""

from dataclasses import dataclass

from .environment import read_number

__all__ = ["PromptSettings"]


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """Times in seconds."""

    max_input_bytes: int
    max_output_bytes: int
    """Of all outputs of a prompt together, as JSON."""
    max_steps: int
    """How often the model is called for one prompt."""
    max_seconds: float
    """How long a prompt may work. Waiting for people does not count, nor does a time in which nobody worked on it."""
    approval_seconds: float
    """How long an approval is waited for."""
    stalled_seconds: float
    """How long nothing must have been heard of a prompt before it is looked whether its execution still runs."""

    @classmethod
    def load(cls) -> "PromptSettings":
        """Raises MissingSetting for what is no number."""
        return cls(
            max_input_bytes=int(read_number("PROMPT_MAX_INPUT_BYTES", 100_000)),
            max_output_bytes=int(read_number("PROMPT_MAX_OUTPUT_BYTES", 1_000_000)),
            max_steps=int(read_number("PROMPT_MAX_STEPS", 25)),
            max_seconds=read_number("PROMPT_MAX_SECONDS", 3600),
            approval_seconds=read_number("PROMPT_APPROVAL_SECONDS", 86_400),
            stalled_seconds=read_number("PROMPT_SILENT_SECONDS", 30),
        )
