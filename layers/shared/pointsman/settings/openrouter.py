"""What OpenRouter needs."""

from dataclasses import dataclass, field

from ..errors import MissingSetting
from .environment import read_number, read_optional

__all__ = ["OpenRouterSettings"]


@dataclass(frozen=True, slots=True)
class OpenRouterSettings:
    """OpenRouter. `limit` is a new key's spending cap in USD, `limit_reset` when it starts anew."""

    management_key: str = field(repr=False)
    limit: float
    limit_reset: str | None
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "OpenRouterSettings | None":
        """None where no management key is set: the tool is not configured."""
        key = read_optional("OPENROUTER_MANAGEMENT_KEY")
        if not key:
            return None
        reset = read_optional("OPENROUTER_KEY_LIMIT_RESET", "monthly")
        if reset not in ("daily", "weekly", "monthly", "none"):
            raise MissingSetting("OPENROUTER_KEY_LIMIT_RESET", "one of daily, weekly, monthly, none")
        return cls(
            management_key=key,
            limit=read_number("OPENROUTER_KEY_LIMIT", 20),
            limit_reset=None if reset == "none" else reset,
            url=read_optional("OPENROUTER_API_URL", "https://openrouter.ai/api/v1"),
            timeout=read_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )
