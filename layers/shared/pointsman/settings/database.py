"""Settings of Postgres."""

from dataclasses import dataclass, field

from .environment import read_optional
from .secrets import read_required_secret, read_secret, refresh_secret

__all__ = ["DatabaseSettings", "load_rotated_url", "load_url"]


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
