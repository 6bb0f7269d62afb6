"""Configuration of an instance's Railway service: its variables, and another deployment of it.

These calls are no operations: they complete in one request and write no journal.
"""

from collections.abc import Mapping

from ..db import connection, instances
from ..errors import NotFound, OperationFailed, ProviderError
from ..providers import railway
from .input_rules import validate_variables

__all__ = ["configure", "redeploy"]


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
    service_id = _require_service_id(instance_id)
    railway.get_client().set_variables(service_id, variables, skip_deploys=not redeploy)


def redeploy(instance_id: str) -> None:
    """Redeploy the service's newest deployment.

    Raises:
        NotFound: there is no such instance.
        OperationFailed: there is no deployment, or Railway did not redeploy it (contract, redeploy).
    """
    service_id = _require_service_id(instance_id)
    client = railway.get_client()
    try:
        deployment = client.get_latest_deployment(service_id)
        if deployment is None:
            raise OperationFailed("No deployment found to redeploy")
        client.redeploy(deployment.id)
    except ProviderError as error:
        raise OperationFailed(error.message) from error


def _require_service_id(instance_id: str) -> str:
    instance = connection.run_in_transaction(instances.get, instance_id)
    if instance is None:
        raise NotFound(f"Instance {instance_id} not found")
    return instance.provider_service_id
