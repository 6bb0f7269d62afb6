"""Railway's words for how a deployment is. A word that is not here is one that came later: its meaning is unknown."""

__all__ = ["DEPLOYMENT_STATUSES"]

DEPLOYMENT_STATUSES = frozenset(
    {
        "BUILDING",
        "CRASHED",
        "DEPLOYING",
        "FAILED",
        "INITIALIZING",
        "NEEDS_APPROVAL",
        "QUEUED",
        "REMOVED",
        "REMOVING",
        "SKIPPED",
        "SLEEPING",
        "SUCCESS",
        "WAITING",
    }
)
"""`DeploymentStatus` of Railway's published schema."""
