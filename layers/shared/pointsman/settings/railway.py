"""What Railway needs."""

from dataclasses import dataclass, field

from ..errors import MissingSetting
from .environment import read_number, read_optional, read_required

__all__ = ["RailwaySettings", "load_railway_environment"]


def load_railway_environment() -> tuple[str, str, str]:
    """The project's id, the environment's id and its name; one of the last two may be empty. Raises MissingSetting."""
    environment_id, name = read_optional("RAILWAY_ENVIRONMENT_ID"), read_optional("RAILWAY_ENVIRONMENT_NAME")
    if not environment_id and not name:
        raise MissingSetting("RAILWAY_ENVIRONMENT_ID", "or set RAILWAY_ENVIRONMENT_NAME")
    return read_required("RAILWAY_PROJECT_ID"), environment_id, name


@dataclass(frozen=True, slots=True)
class RailwaySettings:
    """Railway. One of `environment_id` and `environment_name` is set."""

    token: str = field(repr=False)
    project_id: str
    environment_id: str
    environment_name: str
    runtime_image: str
    url: str
    timeout: float
    """Seconds that one call may take. Mutations of more than 30 s are seen (the official CLI waits 90 s)."""

    @classmethod
    def load(cls) -> "RailwaySettings":
        project_id, environment_id, name = load_railway_environment()
        return cls(
            token=read_required("RAILWAY_API_TOKEN"),
            project_id=project_id,
            environment_id=environment_id,
            environment_name=name,
            runtime_image=read_optional("RAILWAY_RUNTIME_IMAGE", "ghcr.io/xmtplabs/convos-runtime:latest"),
            url=read_optional("RAILWAY_API_URL", "https://backboard.railway.com/graphql/v2"),
            timeout=read_number("RAILWAY_TIMEOUT_SECONDS", 45),
        )
