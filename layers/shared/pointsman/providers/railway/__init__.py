"""Railway: services, volumes, domains and deployments of one project, through its GraphQL API.

`get_client()` gives the client that the settings describe; only `pointsman.lifecycle` calls it. `client` has the calls,
`graphql` the documents and the paging, `models` what a call returns, `errors` what Railway's error texts mean.
"""

from .client import RailwayClient, get_client
from .models import ServiceInstance, Volume

__all__ = ["RailwayClient", "ServiceInstance", "Volume", "get_client"]
