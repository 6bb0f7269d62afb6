"""What a prompt may use, and how long things may take."""

from dataclasses import dataclass, field

from .environment import read_number, read_optional, read_required

__all__ = ["ModelSettings", "PromptSettings", "StreamSettings"]


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


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Times in seconds."""

    heartbeat_interval: float
    """Nothing else to say for so long, and a stream sends a comment."""
    max_duration: float
    """A stream ends by itself after so long, and some seconds before the function does in any case."""

    @classmethod
    def load(cls) -> "StreamSettings":
        """Raises MissingSetting for what is no number."""
        return cls(read_number("STREAM_HEARTBEAT_SECONDS", 15), read_number("STREAM_MAX_SECONDS", 890))


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """An OpenAI-compatible Responses API. `normal` and `high` are names of models; `timeout` is in seconds."""

    url: str
    api_key: str = field(repr=False)
    normal: str
    high: str
    timeout: float

    @classmethod
    def load(cls) -> "ModelSettings":
        """Raises MissingSetting."""
        normal = read_required("MODEL_NORMAL")
        return cls(
            url=read_required("MODEL_BASE_URL", "an OpenAI-compatible Responses API, up to and including /v1"),
            api_key=read_required("MODEL_API_KEY"),
            normal=normal,
            high=read_optional("MODEL_HIGH", normal),
            timeout=read_number("MODEL_TIMEOUT_SECONDS", 120),
        )
