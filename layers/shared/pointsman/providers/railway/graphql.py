"""The GraphQL documents that are sent to Railway: only operations, arguments and fields of its published schema.

Variables are named as the arguments that they fill. The name of an operation is also the step that errors name.
"""

from typing import NamedTuple

__all__ = [
    "DEPLOYMENTS",
    "DEPLOYMENT_REDEPLOY",
    "DOMAINS",
    "ENVIRONMENTS",
    "ENVIRONMENT_PATCH_COMMIT",
    "LATEST_DEPLOYMENT",
    "SERVICES",
    "SERVICE_CREATE",
    "SERVICE_DELETE",
    "SERVICE_DOMAIN_CREATE",
    "SERVICE_INSTANCES",
    "SERVICE_INSTANCE_LIMITS_UPDATE",
    "VARIABLES",
    "VARIABLE_COLLECTION_UPSERT",
    "VOLUMES",
    "VOLUME_CREATE",
    "VOLUME_DELETE",
    "Operation",
]


class Operation(NamedTuple):
    """`field` is the root field whose value is the result, `connection` its paged member (empty: paged itself)."""

    root_field: str
    document: str
    connection_field: str = ""


ENVIRONMENTS = Operation(
    "environments",
    """query environments($projectId: String!, $first: Int, $after: String) {
  environments(projectId: $projectId, first: $first, after: $after) {
    edges { node { id name } }
    pageInfo { hasNextPage endCursor }
  }
}""",
)

SERVICES = Operation(
    "project",
    """query services($id: String!, $first: Int, $after: String) {
  project(id: $id) {
    services(first: $first, after: $after) {
      edges { node { id name createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
}""",
    "services",
)

VOLUMES = Operation(
    "environment",
    """query volumeInstances($id: String!, $first: Int, $after: String) {
  environment(id: $id) {
    volumeInstances(first: $first, after: $after) {
      edges { node { serviceId mountPath state isPendingDeletion deletedAt volume { id } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}""",
    "volumeInstances",
)

SERVICE_INSTANCES = Operation(
    "environment",
    """query serviceInstances($id: String!, $first: Int, $after: String) {
  environment(id: $id) {
    serviceInstances(first: $first, after: $after) {
      edges {
        node {
          serviceId
          environmentId
          serviceName
          source { image }
          latestDeployment { status }
          domains { serviceDomains { domain } customDomains { domain } }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}""",
    "serviceInstances",
)

DEPLOYMENTS = Operation(
    "deployments",
    """query deployments($input: DeploymentListInput!, $first: Int, $after: String) {
  deployments(input: $input, first: $first, after: $after) {
    edges { node { environmentId } }
    pageInfo { hasNextPage endCursor }
  }
}""",
)

LATEST_DEPLOYMENT = Operation(
    "serviceInstance",
    """query latestDeployment($serviceId: String!, $environmentId: String!) {
  serviceInstance(serviceId: $serviceId, environmentId: $environmentId) { latestDeployment { id status } }
}""",
)

DOMAINS = Operation(
    "serviceInstance",
    """query domains($serviceId: String!, $environmentId: String!) {
  serviceInstance(serviceId: $serviceId, environmentId: $environmentId) { domains { serviceDomains { domain } } }
}""",
)

VARIABLES = Operation(
    "variables",
    """query variables($projectId: String!, $environmentId: String!, $serviceId: String, $unrendered: Boolean) {
  variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: $unrendered)
}""",
)

SERVICE_CREATE = Operation(
    "serviceCreate",
    """mutation serviceCreate($input: ServiceCreateInput!) {
  serviceCreate(input: $input) { id }
}""",
)

SERVICE_DELETE = Operation(
    "serviceDelete",
    """mutation serviceDelete($id: String!) {
  serviceDelete(id: $id)
}""",
)

VOLUME_CREATE = Operation(
    "volumeCreate",
    """mutation volumeCreate($input: VolumeCreateInput!) {
  volumeCreate(input: $input) { id }
}""",
)

VOLUME_DELETE = Operation(
    "volumeDelete",
    """mutation volumeDelete($volumeId: String!) {
  volumeDelete(volumeId: $volumeId)
}""",
)

SERVICE_DOMAIN_CREATE = Operation(
    "serviceDomainCreate",
    """mutation serviceDomainCreate($input: ServiceDomainCreateInput!) {
  serviceDomainCreate(input: $input) { domain }
}""",
)

ENVIRONMENT_PATCH_COMMIT = Operation(
    "environmentPatchCommit",
    """mutation environmentPatchCommit($environmentId: String!, $patch: EnvironmentConfig!, $commitMessage: String) {
  environmentPatchCommit(environmentId: $environmentId, patch: $patch, commitMessage: $commitMessage)
}""",
)

SERVICE_INSTANCE_LIMITS_UPDATE = Operation(
    "serviceInstanceLimitsUpdate",
    """mutation serviceInstanceLimitsUpdate($input: ServiceInstanceLimitsUpdateInput!) {
  serviceInstanceLimitsUpdate(input: $input)
}""",
)

VARIABLE_COLLECTION_UPSERT = Operation(
    "variableCollectionUpsert",
    """mutation variableCollectionUpsert($input: VariableCollectionUpsertInput!) {
  variableCollectionUpsert(input: $input)
}""",
)

DEPLOYMENT_REDEPLOY = Operation(
    "deploymentRedeploy",
    """mutation deploymentRedeploy($id: String!) {
  deploymentRedeploy(id: $id) { id status }
}""",
)
