"""Configuration of an instance's Railway service: its variables, and another deployment of it.

These calls are no operations: they complete in one request and write no journal. The call to Railway lies between two
audit entries, `started` and its outcome.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from ..db import audit_log, instances
from ..db.audit_log import Action
from ..db.connection import Connection, run_in_transaction
from ..errors import NotFound, OperationFailed, PointsmanError, ProviderError, ProviderRejected
from ..providers import railway
from .input_rules import validate_variables

__all__ = ["configure", "redeploy"]

_MAX_NAMED_VARIABLES = 50
"""Variables whose names an audit entry has; their values are nowhere in it."""


def configure(instance_id: str, variables: Mapping[str, str], redeploy: bool) -> None:
    """Add or change variables of the instance's service. The values go to Railway and are not stored here.

    Args:
        instance_id: the instance.
        variables: values by name; variables that are not named stay.
        redeploy: whether to deploy the service now; else the values take effect with its next deployment.

    Raises:
        InvalidInput: there is no variable, or a name or value is invalid.
        NotFound: there is no such instance.
        ProviderError: Railway did not set the variables, or may not have.
    """
    validate_variables(variables)
    details = {"variables": sorted(variables)[:_MAX_NAMED_VARIABLES], "count": len(variables), "redeploy": redeploy}
    with _audited("instance.configure", instance_id, details) as service_id:
        railway.get_client().set_variables(service_id, variables, skip_deploys=not redeploy)


def redeploy(instance_id: str) -> None:
    """Redeploy the service's newest deployment.

    Raises:
        NotFound: there is no such instance.
        OperationFailed: there is no deployment, or Railway did not redeploy it (contract, redeploy).
    """
    with _audited("instance.redeploy", instance_id, {}) as service_id:
        client = railway.get_client()
        try:
            deployment = client.get_latest_deployment(service_id)
            if deployment is None:
                raise OperationFailed("No deployment found to redeploy")
            client.redeploy(deployment.id)
        except ProviderError as error:
            raise OperationFailed(error.message) from error


@contextmanager
def _audited(action: Action, instance_id: str, details: Mapping[str, object]) -> Generator[str]:
    """Give the id of the instance's service, with an audit entry before the block and one with its outcome after it.

    Raises:
        NotFound: there is no such instance, and no entry.
    """

    def begin(db: Connection) -> str:
        instance = instances.get(db, instance_id)
        if instance is None:
            raise NotFound(f"Instance {instance_id} not found")
        audit_log.record(db, action, "instance", instance_id, "started", details=details)
        return instance.provider_service_id

    service_id = run_in_transaction(begin)
    outcome, failure = "unknown", dict[str, object]()
    try:
        yield service_id
        outcome = "succeeded"
    except PointsmanError as error:
        cause = error.__cause__ or error
        # Railway has refused it, or nothing was sent; after any other failure it may have happened.
        has_not_happened = isinstance(cause, ProviderRejected) or not isinstance(cause, ProviderError)
        outcome, failure = "failed" if has_not_happened else "unknown", {"code": error.code}
        raise
    finally:
        run_in_transaction(audit_log.record, action, "instance", instance_id, outcome, details={**details, **failure})
