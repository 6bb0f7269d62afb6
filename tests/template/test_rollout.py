"""What a deployment does, read from the transformed template: migration first, then traffic step by step."""

import re
from typing import Any

import pytest

from pointsman.settings.secrets import SECRET_GROUPS
from tests.template.sam_transform import transform_template

RELEASE, NEXT_RELEASE = "1795902413", "1795902999"
RESOURCE_LIMIT = 450
"""Below CloudFormation's 500, so that there is room for what a bundle adds."""

Resources = dict[str, dict[str, Any]]


def transform(stage: str = "production", release: str = RELEASE, **parameters: str) -> Resources:
    return transform_template(Stage=stage, Release=release, **parameters)["Resources"]


def select(resources: Resources, resource_type: str) -> Resources:
    return {name: resource for name, resource in resources.items() if resource["Type"] == resource_type}


def find_references(node: Any) -> set[str]:
    """Find the logical ids that a part of a template refers to."""
    if isinstance(node, list):
        return set().union(*map(find_references, node))
    if not isinstance(node, dict):
        return set()
    names: set[str] = set()
    for key, value in node.items():
        if key == "Ref":
            names.add(value)
        elif key == "Fn::GetAtt":
            names.add(value[0] if isinstance(value, list) else value.split(".")[0])
        elif key == "Fn::Sub":
            text = value[0] if isinstance(value, list) else value
            names.update(re.findall(r"\$\{(\w+)", text))
            names |= find_references(value)
        elif key == "DependsOn":
            names.update([value] if isinstance(value, str) else value)
        else:
            names |= find_references(value)
    return names


def find_requirements(resources: Resources, name: str) -> set[str]:
    """Find all resources that CloudFormation creates or updates before this one."""
    found: set[str] = set()
    open_names = {name}
    while open_names:
        found |= open_names
        open_names = set().union(*(find_references(resources[name]) for name in open_names)) & resources.keys() - found
    return found - {name}


def test_resources_are_below_the_limit() -> None:
    assert len(transform()) < RESOURCE_LIMIT


def test_every_function_and_its_traffic_wait_for_the_migration() -> None:
    resources = transform()
    functions = select(resources, "AWS::Lambda::Function").keys() - {"MigrateFunction"}
    aliases = select(resources, "AWS::Lambda::Alias").keys()
    assert len(functions) > 40
    assert len(aliases) > 20
    waiting = {name for name in functions | aliases if "Migration" in find_requirements(resources, name)}
    assert functions | aliases == waiting
    migration_requirements = find_requirements(resources, "Migration")
    assert "MigrateFunction" in migration_requirements
    assert not migration_requirements & functions


def test_the_migration_runs_when_its_code_changes_or_a_release_is_made() -> None:
    resources = transform()
    properties = resources["Migration"]["Properties"]
    assert properties["Release"] == {"Ref": "Release"}
    assert properties["Layers"] == resources["MigrateFunction"]["Properties"]["Layers"]
    assert properties["ServiceToken"] == {"Fn::GetAtt": ["MigrateFunction", "Arn"]}
    assert properties["ServiceTimeout"] > resources["MigrateFunction"]["Properties"]["Timeout"] * 2


def test_each_release_publishes_versions_and_old_ones_stay() -> None:
    now, later = (select(transform(release=release), "AWS::Lambda::Version") for release in (RELEASE, NEXT_RELEASE))
    assert len(now) == len(later)
    assert not now.keys() & later.keys()
    assert {version["DeletionPolicy"] for version in now.values()} == {"Retain"}


def test_apis_invoke_aliases_only() -> None:
    resources = transform()
    functions = select(resources, "AWS::Lambda::Function").keys()
    for name in ("Api", "StreamApi"):
        assert not find_references(resources[name]) & functions, name
    for name, permission in select(resources, "AWS::Lambda::Permission").items():
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com":
            assert permission["Properties"]["FunctionName"]["Ref"].endswith("Aliaslive"), name


@pytest.mark.parametrize(
    ("stage", "deployment"),
    [("dev", "AllAtOnce"), ("staging", "AllAtOnce"), ("production", "Canary10Percent5Minutes")],
)
def test_traffic_shifts_as_the_stage_says(stage: str, deployment: str) -> None:
    resources = transform(stage)
    groups = select(resources, "AWS::CodeDeploy::DeploymentGroup")
    aliases = select(resources, "AWS::Lambda::Alias")
    at_once = {name for name, alias in aliases.items() if "UpdatePolicy" not in alias}
    assert at_once == {"ConsoleFunctionAliaslive"}, "only a page and its own files have to change together"
    policies = [aliases[name]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"] for name in aliases.keys() - at_once]
    assert {policy["DeploymentGroupName"]["Ref"] for policy in policies} == groups.keys()
    for name, group in groups.items():
        properties = group["Properties"]
        assert properties["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": deployment}, name
        condition, alarms, none = properties["AlarmConfiguration"]["Fn::If"]
        assert condition == "AlarmsRollBack"
        assert alarms["Alarms"] == [{"Name": {"Ref": "ServicesErrorsAlarm"}}, {"Name": {"Ref": "AgentErrorsAlarm"}}]
        assert none == {}
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]


def test_state_machines_and_schedules_use_no_alias() -> None:
    """An execution of an older definition calls the functions by name, which stay."""
    resources = transform()
    aliases = select(resources, "AWS::Lambda::Alias").keys()
    for resource_type in ("AWS::StepFunctions::StateMachine", "AWS::Events::Rule"):
        for name, resource in select(resources, resource_type).items():
            assert not find_references(resource) & aliases, name


@pytest.mark.parametrize(
    ("mode", "headers", "seconds"),
    [
        ("header", ["x-origin-secret", "x-user-id"], 60),
        ("api_key", ["x-origin-secret", "authorization", "x-user-id"], 60),
        ("jwt", [], 0),
    ],
)
def test_the_stream_caches_identity_by_all_that_decides_it(mode: str, headers: list[str], seconds: int) -> None:
    resources = transform(AgentAuth=mode)
    body = resources["StreamApi"]["Properties"]["Body"]
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            expected = "NONE" if method == "options" else mode
            assert operation["security"] == [{expected: []}], (path, method)
    authorizer = body["components"]["securitySchemes"][mode]["x-amazon-apigateway-authorizer"]
    sources = ", ".join(f"method.request.header.{header}" for header in headers)
    assert (authorizer.get("identitySource", ""), authorizer["authorizerResultTtlInSeconds"]) == (sources, seconds)
    for authorizer in resources["Api"]["Properties"]["Body"]["components"]["securitySchemes"].values():
        assert authorizer["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 0


def test_every_origin_gets_the_secret_and_both_keys_are_accepted() -> None:
    template = transform_template(Stage="production", Release=RELEASE)
    resources = template["Resources"]
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    headers = [origin["OriginCustomHeaders"] for origin in config["Origins"]]
    assert [[header["HeaderName"] for header in each] for each in headers] == [["x-origin-secret"]] * 2
    assert all("${OriginSecretKey}" in str(each) for each in headers)
    keys = template["Parameters"]["OriginSecretKey"]["AllowedValues"]
    for name in ("AuthorizerFunction", "AgentAuthorizerFunction"):
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        assert variables["ORIGIN_SECRET_KEY"] == {"Ref": "OriginSecretKey"}
    assert set(keys) == set(SECRET_GROUPS["origin"])


def test_the_domain_and_the_web_acl_are_optional() -> None:
    config = transform()["Distribution"]["Properties"]["DistributionConfig"]
    condition, certificate, default = config["ViewerCertificate"]["Fn::If"]
    assert (condition, default) == ("HasDomain", {"CloudFrontDefaultCertificate": True})
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert config["Aliases"]["Fn::If"] == ["HasDomain", [{"Ref": "DomainName"}], {"Ref": "AWS::NoValue"}]
    assert config["WebACLId"]["Fn::If"] == ["HasWebAcl", {"Ref": "WebAclArn"}, {"Ref": "AWS::NoValue"}]


def test_every_route_is_throttled() -> None:
    resources = transform()
    (http_stage,) = select(resources, "AWS::ApiGatewayV2::Stage").values()
    (rest_stage,) = select(resources, "AWS::ApiGateway::Stage").values()
    default = http_stage["Properties"]["DefaultRouteSettings"]
    assert default.keys() == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    routes = {
        f"{method.upper()} {path}"
        for path, methods in resources["Api"]["Properties"]["Body"]["paths"].items()
        for method in methods
    }
    assert http_stage["Properties"]["RouteSettings"].keys() <= routes
    (setting,) = rest_stage["Properties"]["MethodSettings"]
    assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= setting.keys()
