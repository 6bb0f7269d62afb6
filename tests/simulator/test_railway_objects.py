"""Railway: services, volumes, domains, variables and deployments."""

from typing import Any

from local.simulator.client import SimulatorClient
from tests.harness.provider_api import (
    DOMAIN_CREATE,
    ENVIRONMENT,
    INSTANCE,
    PATCH_COMMIT,
    PROJECT,
    SERVICE_CREATE,
    SERVICE_DELETE,
    SERVICES,
    STAGING,
    VOLUME_CREATE,
    VOLUME_DELETE,
    VOLUMES,
    ProviderClient,
)
from tests.harness.wait import wait_until

UPSERT = "mutation($i: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $i) }"
VARIABLES = """query($s: String) { variables(projectId: "sim-project", environmentId: "sim-environment",
  serviceId: $s) }"""
REDEPLOY = 'mutation($s: String!) { serviceInstanceRedeploy(serviceId: $s, environmentId: "sim-environment") }'
DEPLOYMENT_REDEPLOY = "mutation($id: String!) { deploymentRedeploy(id: $id) { id status } }"


def _create_volume(api: ProviderClient, service: str | None, **more: Any) -> str:
    body = {"projectId": PROJECT, "mountPath": "/data", "environmentId": ENVIRONMENT, "serviceId": service, **more}
    return str(api.query_railway(VOLUME_CREATE, i=body)["volumeCreate"]["id"])


def _list_volume_instances(api: ProviderClient) -> list[dict[str, Any]]:
    edges = api.query_railway(VOLUMES, e=ENVIRONMENT)["environment"]["volumeInstances"]["edges"]
    return [edge["node"] for edge in edges]


def _list_service_names(api: ProviderClient) -> list[str]:
    edges = api.query_railway(SERVICES, id=PROJECT)["project"]["services"]["edges"]
    return [edge["node"]["name"] for edge in edges]


def _get_instance(api: ProviderClient, service: str) -> dict[str, Any]:
    found: dict[str, Any] = api.query_railway(INSTANCE, s=service, e=ENVIRONMENT)["serviceInstance"]
    return found


def _wait_for_status(api: ProviderClient, service: str, status: str) -> None:
    wait_until(lambda: _get_instance(api, service)["latestDeployment"]["status"] == status)


def _list_deployments(sim: SimulatorClient) -> list[Any]:
    railway: Any = sim.get_state()["railway"]
    return list(railway["deployments"].values())


def test_service_is_made_in_all_environments_without_a_deploy(api: ProviderClient) -> None:
    service = api.create_service()
    for environment in (ENVIRONMENT, STAGING):
        found = api.query_railway(INSTANCE, s=service, e=environment)["serviceInstance"]
        assert found["serviceName"] == "agent-1"
        assert found["latestDeployment"] is None


def test_service_with_a_source_is_deployed_at_once(api: ProviderClient) -> None:
    body = {"projectId": PROJECT, "name": "agent-1", "source": {"image": "i"}}
    service = api.query_railway(SERVICE_CREATE, i=body)["serviceCreate"]["id"]
    assert _get_instance(api, service)["latestDeployment"]["status"] == "INITIALIZING"


def test_name_of_a_live_service_cannot_be_used_twice(api: ProviderClient) -> None:
    service = api.create_service("agent-1")
    body = {"projectId": PROJECT, "name": "agent-1"}
    assert api.query_railway_error(SERVICE_CREATE, i=body) == (
        'A service named "agent-1" already exists in this project'
    )
    api.query_railway(SERVICE_DELETE, id=service)
    assert api.create_service("agent-1") != service


def test_service_without_a_name_gets_a_random_one(api: ProviderClient) -> None:
    assert api.query_railway(SERVICE_CREATE, i={"projectId": PROJECT})["serviceCreate"]["name"]


def test_name_over_32_characters_is_rejected_or_truncated(api: ProviderClient) -> None:
    body = {"projectId": PROJECT, "name": "n" * 33}
    assert "32" in api.query_railway_error(SERVICE_CREATE, i=body)
    api.simulator.update_config({"railway": {"overlong_names": "truncate"}})
    assert api.query_railway(SERVICE_CREATE, i=body)["serviceCreate"]["name"] == "n" * 32
    assert "already exists" in api.query_railway_error(SERVICE_CREATE, i=body)


def test_service_in_a_missing_project_is_not_found(api: ProviderClient) -> None:
    assert api.query_railway_error(SERVICE_CREATE, i={"projectId": "p", "name": "n"}) == "Project not found"


def test_deleting_a_service_leaves_its_volume_detached_and_costing(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    volume = _create_volume(api, service)
    api.query_railway(SERVICE_DELETE, id=service)
    assert _list_service_names(api) == []
    assert [(node["volume"]["id"], node["serviceId"]) for node in _list_volume_instances(api)] == [(volume, None)]
    assert [(left.kind, left.id) for left in sim.list_leftovers()] == [("volume", volume)]


def test_deleting_twice_is_not_authorized_or_a_problem(api: ProviderClient) -> None:
    service, volume = api.create_service(), _create_volume(api, None)
    api.query_railway(SERVICE_DELETE, id=service)
    api.query_railway(VOLUME_DELETE, id=volume)
    assert api.query_railway_error(SERVICE_DELETE, id=service) == "Not Authorized"
    api.simulator.update_config({"railway": {"delete_twice": "Problem processing request"}})
    assert api.query_railway_error(VOLUME_DELETE, id=volume) == "Problem processing request"


def test_deleted_volume_stays_listed_as_pending_deletion(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    api.query_railway(VOLUME_DELETE, id=_create_volume(api, service))
    node = _list_volume_instances(api)[0]
    assert (node["isPendingDeletion"], node["serviceId"]) == (True, service)
    assert node["deletedAt"].endswith("Z")
    assert [left.kind for left in sim.list_leftovers()] == ["service"]


def test_volume_without_environment_is_in_all_and_with_null_in_none(api: ProviderClient) -> None:
    query = """query { project(id: "sim-project") { volumes { edges { node {
        volumeInstances { edges { node { id } } } } } } } }"""
    api.query_railway(VOLUME_CREATE, i={"projectId": PROJECT, "mountPath": "/data"})
    _create_volume(api, None, environmentId=None)
    edges = api.query_railway(query)["project"]["volumes"]["edges"]
    assert [len(edge["node"]["volumeInstances"]["edges"]) for edge in edges] == [2, 0]


def test_service_has_one_volume_at_most(api: ProviderClient) -> None:
    service = api.create_service()
    _create_volume(api, service)
    body = {"projectId": PROJECT, "mountPath": "/b", "environmentId": ENVIRONMENT, "serviceId": service}
    assert api.query_railway_error(VOLUME_CREATE, i=body) == "Problem processing request"


def test_detached_volume_can_be_attached(api: ProviderClient) -> None:
    service, volume = api.create_service(), _create_volume(api, None)
    update = """mutation($v: String!, $i: VolumeInstanceUpdateInput!) {
        volumeInstanceUpdate(volumeId: $v, environmentId: "sim-environment", input: $i) }"""
    assert api.query_railway(update, v=volume, i={"serviceId": service, "mountPath": "/x"})["volumeInstanceUpdate"]
    assert (_list_volume_instances(api)[0]["serviceId"], _list_volume_instances(api)[0]["mountPath"]) == (service, "/x")
    assert api.query_railway_error(update, v="none", i={}) == "VolumeInstance not found"


def test_volumes_made_too_quickly_are_throttled_on_http_200(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"volume_throttle_s": 60}})
    _create_volume(api, None)
    body = {"projectId": PROJECT, "mountPath": "/data"}
    assert api.query_railway_error(VOLUME_CREATE, i=body).startswith("Whoa there pal!")


def test_limit_of_volumes_is_an_error(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"max_volumes": 0}})
    assert "limit" in api.query_railway_error(VOLUME_CREATE, i={"projectId": PROJECT, "mountPath": "/data"})


def test_new_things_are_hidden_while_reads_lag(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"service_lag_s": 60, "volume_lag_s": 60}})
    service = api.create_service()
    _create_volume(api, None)
    assert (_list_service_names(api), _list_volume_instances(api)) == ([], [])
    body = {"projectId": PROJECT, "mountPath": "/data", "serviceId": service, "environmentId": ENVIRONMENT}
    assert api.query_railway_error(VOLUME_CREATE, i=body) == "Problem processing request"
    domain = {"serviceId": service, "environmentId": ENVIRONMENT}
    assert api.query_railway_error(DOMAIN_CREATE, i=domain) == "ServiceInstance not found"
    assert "already exists" in api.query_railway_error(SERVICE_CREATE, i={"projectId": PROJECT, "name": "agent-1"})
    api.simulator.update_config({"railway": {"service_lag_s": 0, "volume_lag_s": 0}})
    assert (_list_service_names(api), len(_list_volume_instances(api))) == (["agent-1"], 1)


def test_domain_is_made_listed_and_deleted(api: ProviderClient) -> None:
    service = api.create_service()
    made = api.query_railway(DOMAIN_CREATE, i={"serviceId": service, "environmentId": ENVIRONMENT, "targetPort": 8080})
    domain = made["serviceDomainCreate"]
    assert domain["domain"].endswith(".up.railway.app")
    assert [d["id"] for d in _get_instance(api, service)["domains"]["serviceDomains"]] == [domain["id"]]
    api.query_railway("mutation($id: String!) { serviceDomainDelete(id: $id) }", id=domain["id"])
    assert _get_instance(api, service)["domains"]["serviceDomains"] == []


def test_one_patch_configures_and_deploys(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    _create_volume(api, service)
    domain = api.query_railway(DOMAIN_CREATE, i={"serviceId": service, "environmentId": ENVIRONMENT})
    limits = {"containers": {"cpu": 4, "memoryBytes": 4294967296}}
    api.deploy_service(
        service, deploy={"startCommand": "run", "limitOverride": limits}, variables={"K": {"value": "v"}}
    )
    assert _get_instance(api, service)["latestDeployment"]["status"] == "INITIALIZING"
    made = _list_deployments(sim)[0]
    assert made["variables"] == {
        "K": "v",
        "RAILWAY_PUBLIC_DOMAIN": domain["serviceDomainCreate"]["domain"],
        "RAILWAY_VOLUME_MOUNT_PATH": "/data",
    }
    assert (made["start_command"], made["cpu"], made["memory_bytes"]) == ("run", 4, 4294967296)
    assert made["volume_attached"] is True
    _wait_for_status(api, service, "SUCCESS")
    assert len(_get_instance(api, service)["activeDeployments"]) == 1


def test_volume_attached_too_late_is_on_record(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    api.deploy_service(service)
    _create_volume(api, service)
    railway: Any = sim.get_state()["railway"]
    assert railway["instances"][f"{service}:{ENVIRONMENT}"]["volume_before_first_deploy"] is False
    assert _list_deployments(sim)[0]["variables"] == {}


def test_volume_on_a_deployed_service_can_be_refused(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"volume_on_deployed_service": "refuse"}})
    service = api.create_service()
    api.deploy_service(service)
    body = {"projectId": PROJECT, "mountPath": "/data", "environmentId": ENVIRONMENT, "serviceId": service}
    assert api.query_railway_error(VOLUME_CREATE, i=body)


def test_patch_of_a_missing_service_changes_nothing(api: ProviderClient) -> None:
    service = api.create_service()
    change = {"services": {service: {"variables": {"A": {"value": "1"}}}, "nope": {}}}
    assert api.query_railway_error(PATCH_COMMIT, e=ENVIRONMENT, p=change) == "ServiceInstance not found"
    assert api.query_railway(VARIABLES, s=service)["variables"] == {}


def test_staged_changes_wait_for_their_commit(api: ProviderClient) -> None:
    service = api.create_service()
    stage = """mutation($i: EnvironmentConfig!) { environmentStageChanges(environmentId: "sim-environment", input: $i) {
        id status } }"""
    change = {"services": {service: {"variables": {"A": {"value": "1"}}}}}
    assert api.query_railway(stage, i=change)["environmentStageChanges"]["status"] == "STAGED"
    assert api.query_railway(VARIABLES, s=service)["variables"] == {}
    api.query_railway('mutation { environmentPatchCommitStaged(environmentId: "sim-environment", skipDeploys: true) }')
    assert api.query_railway(VARIABLES, s=service)["variables"] == {"A": "1"}
    query = 'query { environmentPatches(environmentId: "sim-environment") { edges { node { status appliedAt } } } }'
    assert api.query_railway(query)["environmentPatches"]["edges"][0]["node"]["status"] == "COMMITTED"


def test_variables_deploy_unless_told_not_to(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    api.deploy_service(service)
    body = {"projectId": PROJECT, "environmentId": ENVIRONMENT, "serviceId": service, "variables": {"A": "1"}}
    api.query_railway(UPSERT, i={**body, "skipDeploys": True})
    assert len(_list_deployments(sim)) == 1
    api.query_railway(UPSERT, i={**body, "variables": {"B": "2"}})
    assert [made["variables"] for made in _list_deployments(sim)] == [{}, {"A": "1", "B": "2"}]
    api.query_railway(UPSERT, i={**body, "variables": {"C": "3"}, "replace": True, "skipDeploys": True})
    assert api.query_railway(VARIABLES, s=service)["variables"] == {"C": "3"}


def test_variables_without_a_service_are_shared(api: ProviderClient) -> None:
    api.query_railway(UPSERT, i={"projectId": PROJECT, "environmentId": ENVIRONMENT, "variables": {"S": "1"}})
    assert api.query_railway(VARIABLES)["variables"] == {"S": "1"}
    assert api.query_railway(VARIABLES, s=api.create_service())["variables"] == {"S": "1"}


def test_redeploy_needs_a_finished_deploy(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"deploy_seconds": 60}})
    service = api.create_service()
    assert api.query_railway_error(REDEPLOY, s=service) == "Cannot redeploy without a snapshot"
    api.deploy_service(service)
    first = _get_instance(api, service)["latestDeployment"]["id"]
    assert api.query_railway_error(DEPLOYMENT_REDEPLOY, id=first).startswith("Cannot redeploy yet")
    api.simulator.set_deployment_status(first, "SUCCESS")
    made = api.query_railway(DEPLOYMENT_REDEPLOY, id=first)["deploymentRedeploy"]
    assert (made["id"] != first, made["status"]) == (True, "INITIALIZING")
    api.simulator.set_deployment_status(made["id"], "CRASHED")
    assert api.query_railway(REDEPLOY, s=service)["serviceInstanceRedeploy"] is True
    assert api.query_railway_error(DEPLOYMENT_REDEPLOY, id="none") == "Deployment not found"


def test_deploys_end_as_ordered_and_supersede_each_other(api: ProviderClient) -> None:
    api.simulator.update_config({"railway": {"deploy_seconds": 0.05, "deploy_end": "FAILED"}})
    service = api.create_service()
    api.deploy_service(service)
    _wait_for_status(api, service, "FAILED")
    api.simulator.update_config({"railway": {"deploy_end": "SUCCESS"}})
    deploy = 'mutation($s: String!) { serviceInstanceDeployV2(serviceId: $s, environmentId: "sim-environment") }'
    second = api.query_railway(deploy, s=service)["serviceInstanceDeployV2"]
    _wait_for_status(api, service, "SUCCESS")
    third = api.query_railway(deploy, s=service)["serviceInstanceDeployV2"]
    query = """query($s: String!) { deployments(input: {serviceId: $s, status: {in: [REMOVED]}}) {
        edges { node { id status } } } }"""
    edges = api.query_railway(query, s=service)["deployments"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == [second]
    for status in ("CRASHED", "REMOVED", "SLEEPING"):
        api.simulator.set_deployment_status(third, status)
        assert _get_instance(api, service)["latestDeployment"]["status"] == status


def test_deployment_can_be_stopped_restarted_and_cancelled(api: ProviderClient) -> None:
    service = api.create_service()
    api.deploy_service(service)
    deployment = _get_instance(api, service)["latestDeployment"]["id"]
    for field, status in (
        ("deploymentCancel", "REMOVED"),
        ("deploymentRestart", "SUCCESS"),
        ("deploymentStop", "REMOVED"),
    ):
        assert api.query_railway(f"mutation($id: String!) {{ {field}(id: $id) }}", id=deployment)[field]
        _wait_for_status(api, service, status)


def test_settings_and_limits_are_kept_for_the_next_deploy(api: ProviderClient, sim: SimulatorClient) -> None:
    service = api.create_service()
    update = """mutation($s: String!, $i: ServiceInstanceUpdateInput!) {
        serviceInstanceUpdate(serviceId: $s, environmentId: "sim-environment", input: $i) }"""
    api.simulator.update_config({"railway": {"early_update_ignored": True}})
    api.query_railway(update, s=service, i={"startCommand": "lost"})
    assert _get_instance(api, service)["startCommand"] is None
    api.simulator.update_config({"railway": {"early_update_ignored": False}})
    api.query_railway(update, s=service, i={"startCommand": "run", "source": {"image": "i"}})
    limits = "mutation($i: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $i) }"
    api.query_railway(limits, i={"serviceId": service, "environmentId": ENVIRONMENT, "memoryGB": 8, "vCPUs": 4})
    assert _list_deployments(sim) == []
    override = 'query($s: String!) { serviceInstanceLimitOverride(serviceId: $s, environmentId: "sim-environment") }'
    assert api.query_railway(override, s=service)["serviceInstanceLimitOverride"] == {
        "containers": {"cpu": 4, "memoryBytes": 8 * 1024**3}
    }
    assert _get_instance(api, service)["source"] == {"image": "i"}


def test_deprecated_fields_are_still_there(api: ProviderClient) -> None:
    service = api.create_service()
    api.deploy_service(service)
    query = """query($s: String!) { service(id: $s) { name serviceInstances { edges { node { environmentId } } }
        deployments { edges { node { id } } } project { id deployments { edges { node { id } } } } } }"""
    found = api.query_railway(query, s=service)["service"]
    assert len(found["serviceInstances"]["edges"]) == 2
    assert len(found["deployments"]["edges"]) == len(found["project"]["deployments"]["edges"]) == 1


def test_service_can_be_renamed_but_not_to_a_taken_name(api: ProviderClient) -> None:
    update = "mutation($s: String!, $n: String) { serviceUpdate(id: $s, input: {name: $n}) { name } }"
    first, second = api.create_service("one"), api.create_service("two")
    assert api.query_railway(update, s=first, n="uno")["serviceUpdate"]["name"] == "uno"
    assert "already exists" in api.query_railway_error(update, s=second, n="uno")
