"""Settings of Postgres."""

from dataclasses import dataclass, field
from typing import Literal

from ..errors import InvalidSetting
from .environment import read_choice, read_optional
from .secrets import read_required_secret, read_secret, refresh_secret

__all__ = [
    "DatabaseSettings",
    "TlsMode",
    "TlsSettings",
    "load_rotated_url",
    "load_url",
    "load_uses_notifications",
]

TlsMode = Literal["prefer", "require", "verify-ca", "verify-full"]
"""libpq's `sslmode`: `prefer` accepts an unencrypted connection, `require` any certificate, `verify-ca` one that the CA
issued for any host."""

_TLS_MODES: tuple[TlsMode, ...] = ("prefer", "require", "verify-ca", "verify-full")
_SWITCH: tuple[Literal["on", "off"], ...] = ("on", "off")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """libpq's connection strings or URIs. `pool_url` is the pool manager's database, empty if there is none."""

    url: str = field(repr=False)
    pool_url: str = field(repr=False, default="")

    @classmethod
    def load(cls) -> "DatabaseSettings":
        """Load SERVICE_DATABASE_URL, or DATABASE_URL in its place, and POOL_DATABASE_URL.

        Raises:
            MissingSetting: Neither of the first two is set.
        """
        return cls(load_url(), read_secret("POOL_DATABASE_URL"))


def load_url() -> str:
    """Return SERVICE_DATABASE_URL, or DATABASE_URL in its place. Raises MissingSetting."""
    is_in_secret = not read_optional("SERVICE_DATABASE_URL")
    return (read_optional("DATABASE_URL") if is_in_secret else "") or read_required_secret("SERVICE_DATABASE_URL")


def load_rotated_url(refused_url: str) -> str:
    """Return the URL that the secret holds now, after a connection was refused; empty if it is still the same."""
    return "" if read_optional("DATABASE_URL") else refresh_secret("SERVICE_DATABASE_URL", refused_url)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How connections to Postgres are encrypted, and whose certificates are accepted.

    Attributes:
        mode: What is required of the server.
        ca: `system` for the public CAs of the operating system, or the path of a file with CAs in PEM.
        ca_pem: CAs in PEM, in place of `ca`; empty if there are none.
    """

    mode: TlsMode
    ca: str
    ca_pem: str

    @classmethod
    def load(cls) -> "TlsSettings":
        """Load DATABASE_SSLMODE, DATABASE_CA and DATABASE_CA_PEM.

        Raises:
            InvalidSetting: One has a value that is not allowed, or they do not fit together.
        """
        settings = cls(
            read_choice("DATABASE_SSLMODE", _TLS_MODES, "verify-full"),
            read_optional("DATABASE_CA", "system"),
            read_secret("DATABASE_CA_PEM"),
        )
        if settings.ca != "system" and not settings.ca.startswith("/"):
            raise InvalidSetting("DATABASE_CA", "`system` or the absolute path of a file")
        if settings.ca_pem and "-----BEGIN CERTIFICATE-----" not in settings.ca_pem:
            raise InvalidSetting("DATABASE_CA_PEM", "certificates in PEM")
        if settings.mode == "verify-ca" and settings.ca == "system" and not settings.ca_pem:
            # Anybody gets a certificate of a public CA, so only the host's name says whose server it is.
            raise InvalidSetting(
                "DATABASE_SSLMODE", "verify-full with the system's CAs, or give the CA by DATABASE_CA_PEM"
            )
        return settings


def load_uses_notifications() -> bool:
    """Load DATABASE_NOTIFICATIONS: whether LISTEN works, as it does not behind a transaction pooler.

    Raises:
        InvalidSetting: It is neither `on` nor `off`.
    """
    return read_choice("DATABASE_NOTIFICATIONS", _SWITCH, "on") == "on"
