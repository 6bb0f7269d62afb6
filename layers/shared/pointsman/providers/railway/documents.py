"""The GraphQL documents sent to Railway; they use only what is in its published schema.

A document's variables have the names of the arguments that they fill.
"""

from .graphql import Operation

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
    "VARIABLE_COLLECTION_UPSERT",
    "VOLUMES",
    "VOLUME_CREATE",
    "VOLUME_DELETE",
]

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
