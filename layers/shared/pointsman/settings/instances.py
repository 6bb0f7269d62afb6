"""What every instance is given."""

from dataclasses import dataclass, field

from .environment import read_optional

__all__ = ["InstanceRuntimeSettings"]


@dataclass(frozen=True, slots=True)
class InstanceRuntimeSettings:
    """What every instance's runtime is given from our own environment (contract, create-instance)."""

    variables: dict[str, str] = field(repr=False)

    @classmethod
    def load(cls) -> "InstanceRuntimeSettings":
        """Variables that are not set here are not set there."""
        names = (
            "OPENCLAW_PRIMARY_MODEL",
            "POOL_API_KEY",
            "AGENTMAIL_API_KEY",
            "BANKR_API_KEY",
            "TELNYX_API_KEY",
            "TELNYX_PHONE_NUMBER",
            "TELNYX_MESSAGING_PROFILE_ID",
        )
        values = {name: read_optional(name) for name in names}
        values["XMTP_ENV"] = read_optional("XMTP_ENV", "dev")
        return cls({name: value for name, value in values.items() if value})
