"""How long a stream lasts, and how often it says that it is there."""

from dataclasses import dataclass

from .environment import read_number

__all__ = ["StreamSettings"]


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
