"""What the model needs."""

from dataclasses import dataclass, field

from .environment import read_number, read_optional, read_required

__all__ = ["ModelSettings"]


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
