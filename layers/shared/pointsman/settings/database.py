"""Settings of Postgres."""

from dataclasses import dataclass, field

from .environment import read_optional, read_required

__all__ = ["DatabaseSettings"]


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
        return cls(
            read_optional("SERVICE_DATABASE_URL")
            or read_optional("DATABASE_URL")
            or read_required("SERVICE_DATABASE_URL"),
            read_optional("POOL_DATABASE_URL"),
        )
