"""Settings of the bearer tokens that the Agent API accepts."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import InvalidSetting
from .api import load_auth_mode
from .environment import read_required

__all__ = ["JwtSettings"]

_LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """The issuer and audience that a token must name, and the address of the issuer's public keys (a JWK Set)."""

    issuer: str
    audience: str
    jwks_url: str

    @classmethod
    def load(cls) -> "JwtSettings | None":
        """Load all three; None if AGENT_AUTH is another mode than `jwt`.

        Raises:
            MissingSetting: One of them is not set.
            InvalidSetting: The address is neither https nor on the loopback interface, so that keys could be replaced
                in transit.
        """
        if load_auth_mode() != "jwt":
            return None
        settings = cls(read_required("JWT_ISSUER"), read_required("JWT_AUDIENCE"), read_required("JWT_JWKS_URL"))
        if not _is_trustworthy(settings.jwks_url):
            raise InvalidSetting("JWT_JWKS_URL", "an https address (http only for the loopback interface)")
        return settings


def _is_trustworthy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS)
        )
    except ValueError:
        return False
