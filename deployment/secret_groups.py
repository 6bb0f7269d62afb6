"""The secrets of a deployment: what must not be empty, and what may be generated."""

__all__ = ["GENERATED_VARIABLES", "REQUIRED_VARIABLES"]

REQUIRED_VARIABLES = frozenset(
    {"SERVICE_DATABASE_URL", "SERVICES_API_KEY", "ORIGIN_SECRET", "RAILWAY_API_TOKEN", "MODEL_API_KEY"}
)
"""What every deployment needs. AGENT_API_KEY is needed only where AgentAuth is api_key."""

GENERATED_VARIABLES = frozenset(
    {
        "SERVICES_API_KEY", "SERVICES_READ_API_KEY", "AGENT_API_KEY", "AGENT_OPERATOR_API_KEY", "ORIGIN_SECRET",
        "ORIGIN_SECRET_2",
    }
)  # fmt: skip
"""The keys of our own callers and of CloudFront, which may be random. All others are issued by somebody else."""
