"""Whose tokens the Agent API takes."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import InvalidSetting
from .environment import read_required

__all__ = ["JwtSettings"]

_LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """The issuer and the audience that a token must name, and where the issuer's public keys are."""

    issuer: str
    audience: str
    jwks_url: str

    @classmethod
    def load(cls) -> "JwtSettings":
        """Raises MissingSetting, also for an address that anybody on the way could answer for."""
        url = read_required("JWT_JWKS_URL")
        if not _is_trustworthy(url):
            raise InvalidSetting("JWT_JWKS_URL", "an https address (http only for the loopback interface)")
        return cls(issuer=read_required("JWT_ISSUER"), audience=read_required("JWT_AUDIENCE"), jwks_url=url)


def _is_trustworthy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS)
        )
    except ValueError:
        return False
