"""Settings of prompts: their limits, their streams, and the model."""

from dataclasses import dataclass, field

from .environment import read_count, read_limit, read_number, read_optional, read_required, read_url
from .secrets import read_required_secret

__all__ = ["ModelSettings", "PromptSettings", "QuotaSettings", "Quotas", "StreamSettings"]

_MAX_OUTPUT_BYTES = 3_500_000
"""`GET /prompts/{promptId}` shows all outputs and the input, and a Lambda response has 6 MB (6,291,456 bytes) at most.
An input takes at most 2 MiB of them, as a request's body has 1 MiB, and a turn's calls are over the limit by 0.2."""
_MAX_HISTORY_BYTES = 4_000_000
"""About a million tokens. The function that sends them has 512 MB."""


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """The limits of a prompt. Times in seconds."""

    max_input_bytes: int
    max_output_bytes: int
    """The limit of all that a prompt's model and tools add to it; see `prompts.output_size`."""
    max_history_bytes: int
    """The limit of what is sent to the model of a conversation, with the prompt's own items, as JSON."""
    max_steps: int
    """How many model turns a prompt may take."""
    max_seconds: float
    """How long a prompt may run. Time spent waiting for approvals or without a worker does not count."""
    approval_seconds: float
    """How long an approval may be pending before it expires."""
    stalled_seconds: float
    """How long a prompt must be without progress before its execution is checked."""

    @classmethod
    def load(cls) -> "PromptSettings":
        """Load them. Raises InvalidSetting."""
        return cls(
            max_input_bytes=read_count("PROMPT_MAX_INPUT_BYTES", 100_000),
            max_output_bytes=read_count("PROMPT_MAX_OUTPUT_BYTES", 1_000_000, _MAX_OUTPUT_BYTES),
            max_history_bytes=read_count("PROMPT_HISTORY_MAX_BYTES", 300_000, _MAX_HISTORY_BYTES),
            max_steps=read_count("PROMPT_MAX_STEPS", 25),
            max_seconds=read_number("PROMPT_MAX_SECONDS", 3600),
            approval_seconds=read_number("PROMPT_APPROVAL_SECONDS", 86_400),
            stalled_seconds=read_number("PROMPT_SILENT_SECONDS", 30),
        )


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a user, or all users together, may have and use of prompts; None for no limit."""

    prompts_at_once: int | None
    """Prompts that are running or waiting."""
    prompts_an_hour: int | None
    """Prompts that were submitted within any hour."""
    tokens_a_day: int | None
    """Tokens of all model turns of a UTC day. A prompt that is accepted before they are used up runs to its end."""
    waiting_approvals: int | None
    """Approvals that wait for a person. With so many, no prompt is accepted, and no further call waits for one."""

    @property
    def limits_prompts(self) -> bool:
        """Whether there is a limit to what is counted of prompts."""
        return any((self.prompts_at_once, self.prompts_an_hour, self.waiting_approvals))


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """The quotas of each user, and of all users together."""

    per_user: Quotas
    for_all: Quotas

    @classmethod
    def load(cls) -> "QuotaSettings":
        """Load them. Raises InvalidSetting."""
        return cls(
            Quotas(
                read_limit("PROMPTS_AT_ONCE_PER_USER", 20),
                read_limit("PROMPTS_AN_HOUR_PER_USER", 200),
                read_limit("TOKENS_A_DAY_PER_USER", 5_000_000),
                read_limit("WAITING_APPROVALS_PER_USER", 10),
            ),
            Quotas(
                read_limit("PROMPTS_AT_ONCE_FOR_ALL", 400),
                read_limit("PROMPTS_AN_HOUR_FOR_ALL", 4000),
                read_limit("TOKENS_A_DAY_FOR_ALL", 50_000_000),
                read_limit("WAITING_APPROVALS_FOR_ALL", 200),
            ),
        )


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The timing of a prompt's event stream, in seconds, and how many may be open."""

    heartbeat_interval: float
    """The idle time after which a stream sends a comment, so that proxies keep it open."""
    max_duration: float
    """The time after which a stream ends, also one whose client is gone where nothing tells the function.

    It ends some seconds before the function's timeout in any case.
    """
    per_user: int | None
    """How many streams a user may have open at a time; None for no limit."""
    for_all: int | None
    """How many streams all users together may have open at a time; None for no limit."""
    lease_duration: int
    """The time after which the stream of a process that has died stops counting."""

    @classmethod
    def load(cls) -> "StreamSettings":
        """Load them. Raises InvalidSetting."""
        return cls(
            read_number("STREAM_HEARTBEAT_SECONDS", 15),
            read_number("STREAM_MAX_SECONDS", 120),
            read_limit("STREAMS_PER_USER", 10),
            read_limit("STREAMS_FOR_ALL", 80),
            read_count("STREAM_LEASE_SECONDS", 60),
        )


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
        """Load them; `high` is the normal model by default. Raises MissingSetting, InvalidSetting."""
        # First what must be set: the local runner names all that is missing.
        normal, api_key = read_required("MODEL_NORMAL"), read_required_secret("MODEL_API_KEY")
        return cls(
            url=read_url("MODEL_BASE_URL"),
            api_key=api_key,
            normal=normal,
            high=read_optional("MODEL_HIGH", normal),
            timeout=read_number("MODEL_TIMEOUT_SECONDS", 120),
        )
