"""The secrets of a deployment: the groups, each a secret of its own, and what must not be empty in them."""

from collections.abc import Mapping

__all__ = ["GENERATED_VARIABLES", "REQUIRED_VARIABLES", "SECRET_GROUPS"]

SECRET_GROUPS: Mapping[str, tuple[str, ...]] = {
    "database": ("SERVICE_DATABASE_URL",),
    "pool-database": ("POOL_DATABASE_URL",),
    "services-api": ("SERVICES_API_KEY",),
    "agent-api": ("AGENT_API_KEY",),
    "railway": ("RAILWAY_API_TOKEN",),
    "openrouter": ("OPENROUTER_MANAGEMENT_KEY",),
    "agentmail": ("AGENTMAIL_API_KEY",),
    "telnyx": ("TELNYX_API_KEY",),
    "model": ("MODEL_API_KEY",),
    "runtime": ("POOL_API_KEY", "BANKR_API_KEY"),
}
"""The variables of each group. The secret of a group is named `<SecretPrefix>/<group>`."""

REQUIRED_VARIABLES = frozenset({"SERVICE_DATABASE_URL", "SERVICES_API_KEY", "RAILWAY_API_TOKEN", "MODEL_API_KEY"})
"""What every deployment needs. AGENT_API_KEY is needed only where AgentAuth is api_key."""

GENERATED_VARIABLES = frozenset({"SERVICES_API_KEY", "AGENT_API_KEY"})
"""The keys of our own callers, which may be random. All others are issued by somebody else."""
