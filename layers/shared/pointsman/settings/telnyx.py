"""What Telnyx needs."""

from dataclasses import dataclass, field

from .environment import read_number, read_optional

__all__ = ["TelnyxSettings"]


@dataclass(frozen=True, slots=True)
class TelnyxSettings:
    """Telnyx. An empty `messaging_profile_id` means: use the profile named `convos-agent`, made on first use."""

    api_key: str = field(repr=False)
    messaging_profile_id: str
    url: str
    timeout: float

    @classmethod
    def load(cls) -> "TelnyxSettings | None":
        """None where no API key is set: the tool is not configured."""
        key = read_optional("TELNYX_API_KEY")
        if not key:
            return None
        return cls(
            api_key=key,
            messaging_profile_id=read_optional("TELNYX_MESSAGING_PROFILE_ID"),
            url=read_optional("TELNYX_API_URL", "https://api.telnyx.com/v2"),
            timeout=read_number("PROVIDER_TIMEOUT_SECONDS", 20),
        )
