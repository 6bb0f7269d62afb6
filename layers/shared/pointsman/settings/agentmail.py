"""What AgentMail needs."""

from dataclasses import dataclass, field

from .environment import read_number, read_optional

__all__ = ["AgentMailSettings"]


@dataclass(frozen=True, slots=True)
class AgentMailSettings:
    """AgentMail. An empty `domain` means the provider's default."""

    api_key: str = field(repr=False)
    domain: str
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "AgentMailSettings | None":
        """None where no API key is set: the tool is not configured."""
        key = read_optional("AGENTMAIL_API_KEY")
        if not key:
            return None
        return cls(
            api_key=key,
            domain=read_optional("AGENTMAIL_DOMAIN"),
            url=read_optional("AGENTMAIL_API_URL", "https://api.agentmail.to/v0"),
            timeout=read_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )
