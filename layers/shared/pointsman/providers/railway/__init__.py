"""Railway: services, volumes, domains and deployments of one project, through its GraphQL API.

Entry point: `get_client()`, the client of the settings. `client` has the calls, `documents` their GraphQL, `graphql`
execution and paging, `models` what a call returns, `errors` what Railway's error texts mean.
"""

from .client import RailwayClient, get_client
from .models import FIRST_DEPLOYMENT_STATUS, ServiceInstance, Volume

__all__ = ["FIRST_DEPLOYMENT_STATUS", "RailwayClient", "ServiceInstance", "Volume", "get_client"]
