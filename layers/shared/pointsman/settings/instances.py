"""Settings that every instance's runtime gets."""

from dataclasses import dataclass, field

from .environment import read_optional
from .secrets import read_secret
from .tools import is_tool_configured

__all__ = ["InstanceRuntimeSettings", "load_shared_phone_number"]


@dataclass(frozen=True, slots=True)
class InstanceRuntimeSettings:
    """The variables that every instance's container gets from our own environment (contract, create-instance)."""

    variables: dict[str, str] = field(repr=False)

    @classmethod
    def load(cls) -> "InstanceRuntimeSettings":
        """Load those that are set, and the keys of configured tools; XMTP_ENV is `dev` by default."""
        names = ("OPENCLAW_PRIMARY_MODEL", "TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID")
        secret_names = ["POOL_API_KEY", "BANKR_API_KEY"]
        secret_names += ["AGENTMAIL_API_KEY"] if is_tool_configured("agentmail") else []
        secret_names += ["TELNYX_API_KEY"] if is_tool_configured("telnyx") else []
        values = {name: read_optional(name) for name in names}
        values |= {name: read_secret(name) for name in secret_names}
        values["XMTP_ENV"] = read_optional("XMTP_ENV", "dev")
        return cls({name: value for name, value in values.items() if value})


def load_shared_phone_number() -> str:
    """Return the number that every instance gets; empty if it is not set."""
    return read_optional("TELNYX_PHONE_NUMBER")
