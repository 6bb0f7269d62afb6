"""Where Postgres is."""

from dataclasses import dataclass, field

from .environment import optional, required

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
            optional("SERVICE_DATABASE_URL") or optional("DATABASE_URL") or required("SERVICE_DATABASE_URL"),
            optional("POOL_DATABASE_URL"),
        )
