"""What the model needs."""

from dataclasses import dataclass, field

from .environment import number, optional, required

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
        normal = required("MODEL_NORMAL")
        return cls(
            url=required("MODEL_BASE_URL", "an OpenAI-compatible Responses API, up to and including /v1"),
            api_key=required("MODEL_API_KEY"),
            normal=normal,
            high=optional("MODEL_HIGH", normal),
            timeout=number("MODEL_TIMEOUT_SECONDS", 120),
        )
