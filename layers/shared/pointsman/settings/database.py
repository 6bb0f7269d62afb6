"""Where Postgres is."""

from dataclasses import dataclass, field

from .environment import read_optional, read_required

__all__ = ["DatabaseSettings"]


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Postgres. `url` and `pool_url` (the pool manager's, empty where there is none) are libpq strings or URIs."""

    url: str = field(repr=False)
    pool_url: str = field(repr=False, default="")

    @classmethod
    def load(cls) -> "DatabaseSettings":
        """Raises MissingSetting where neither SERVICE_DATABASE_URL nor DATABASE_URL is set."""
        return cls(
            read_optional("SERVICE_DATABASE_URL")
            or read_optional("DATABASE_URL")
            or read_required("SERVICE_DATABASE_URL"),
            read_optional("POOL_DATABASE_URL"),
        )
