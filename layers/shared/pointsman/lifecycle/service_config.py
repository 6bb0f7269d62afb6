"""Changing the Railway service of an instance that is there: its variables, and a new deployment of it."""

from collections.abc import Mapping

from ..db import connection, instances
from ..errors import InvalidInput, NotFound, OperationFailed, ProviderError
from ..providers import railway
from . import resource_names

__all__ = ["configure", "redeploy"]


def configure(instance_id: str, variables: Mapping[str, str], redeploy: bool) -> None:
    """Add to or change the service's variables; they take effect with its next deployment, which `redeploy` begins.

    The values are handed to Railway and kept nowhere here. Raises InvalidInput, NotFound, ProviderError.
    """
    if not variables:
        raise InvalidInput("variables must be an object with at least one variable")
    for name, value in variables.items():
        if not resource_names.VARIABLE_NAME_PATTERN.fullmatch(name):
            raise InvalidInput(
                f"variables: {name[:64]!r} is no name of a variable: letters, digits and _ only, no digit first"
            )
        if "\0" in value or not resource_names.is_encodable(value):
            raise InvalidInput(f"variables.{name}: a value may hold any text but NUL and halves of surrogate pairs")
    service_id = _require_service_id(instance_id)
    railway.get_client().set_variables(service_id, variables, skip_deploys=not redeploy)


def redeploy(instance_id: str) -> None:
    """Deploy once more what the newest deployment deployed.

    Raises NotFound, and OperationFailed where there is no deployment or Railway does not do it (contract, redeploy).
    """
    service_id = _require_service_id(instance_id)
    provider = railway.get_client()
    try:
        deployment = provider.get_latest_deployment(service_id)
        if deployment is None:
            raise OperationFailed("No deployment found to redeploy")
        provider.redeploy(deployment.id)
    except ProviderError as error:
        raise OperationFailed(error.message) from error


def _require_service_id(instance_id: str) -> str:
    instance = connection.run_in_transaction(instances.get, instance_id)
    if instance is None:
        raise NotFound(f"Instance {instance_id} not found")
    return instance.provider_service_id
