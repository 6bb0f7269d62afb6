"""What every instance is given."""

from dataclasses import dataclass, field

from .environment import optional

__all__ = ["RuntimeSettings"]


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """What every instance's runtime is given from our own environment (contract, create-instance)."""

    variables: dict[str, str] = field(repr=False)

    @classmethod
    def load(cls) -> "RuntimeSettings":
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
        given = {name: optional(name) for name in names}
        given["XMTP_ENV"] = optional("XMTP_ENV", "dev")
        return cls({name: value for name, value in given.items() if value})
