"""Settings that every instance's runtime gets."""

from dataclasses import dataclass, field

from .environment import read_optional

__all__ = ["InstanceRuntimeSettings"]


@dataclass(frozen=True, slots=True)
class InstanceRuntimeSettings:
    """The variables that every instance's container gets from our own environment (contract, create-instance)."""

    variables: dict[str, str] = field(repr=False)

    @classmethod
    def load(cls) -> "InstanceRuntimeSettings":
        """Load those that are set; XMTP_ENV is `dev` by default."""
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
