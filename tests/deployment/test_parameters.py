"""What the template refuses: placeholders, malformed values, and combinations that cannot be meant."""

import copy
import re
from typing import Any

import pytest

from deployment.errors import DeploymentError
from deployment.parameters import find_parameter_problems
from deployment.samconfig import Environment
from local.template.api_prefix import replace_prefix
from local.template.intrinsics import load_yaml
from tests.harness.paths import CHECKOUT, TEMPLATE

DOCUMENT = load_yaml(TEMPLATE)
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
SAMCONFIG = CHECKOUT / "samconfig.toml"
UUID = "0d1f7a4c-5b5e-4d8e-9f0a-1c2b3a4d5e6f"
JWT = {"AgentAuth": "jwt", "JwtIssuer": "https://login.example.com/", "JwtAudience": "pointsman",
       "JwtJwksUrl": "https://login.example.com/.well-known/jwks.json"}  # fmt: skip
GOOD = {
    "Stage": "dev", "SecretPrefix": "pointsman/dev", "RailwayProjectId": UUID, "RailwayEnvironmentName": "dev",
    "ModelBaseUrl": "https://api.openai.com/v1", "ModelNormal": "gpt-5", "Release": "1795900000",
}  # fmt: skip
CERTIFICATE = f"arn:aws:acm:us-east-1:123456789012:certificate/{UUID}"
WEB_ACL = f"arn:aws:wafv2:us-east-1:123456789012:global/webacl/api-acl/{UUID}"
VALID = {
    "SecretPrefix": ["pointsman", "team/pointsman/dev"], "RailwayEnvironmentId": [UUID, ""],
    "RailwayEnvironmentName": ["production", "pr 12"], "RailwayRuntimeImage": ["ghcr.io/example/convos-runtime:1"],
    "OpenRouterKeyLimit": ["20", "7.5"], "OpenRouterKeyLimitReset": ["none"], "AgentMailDomain": ["mail.example.com"],
    "TelnyxPhoneNumber": ["+14155550100"], "TelnyxMessagingProfileId": [UUID], "PrimaryModel": ["openai/gpt-5:free"],
    "ModelBaseUrl": ["https://models.example.com:8443/openai/v1"], "ModelHigh": ["gpt-5-pro"],
    "ApiCorsOrigin": ["*", "https://a.example.com,http://localhost:5173"], "JwtIssuer": [JWT["JwtIssuer"], "issuer"],
    "JwtAudience": ["api://default"], "JwtJwksUrl": [JWT["JwtJwksUrl"], "https://login.example.com/keys?v=1"],
    "AlarmTopicArn": ["arn:aws-cn:sns:cn-north-1:123456789012:alarms"], "AlarmEmail": ["on-call+1@example.co.uk"],
    "WebAclArn": [WEB_ACL], "CertificateArn": [CERTIFICATE],
}  # fmt: skip
INVALID = {
    "Stage": ["prod", ""], "Architecture": ["arm"], "SecretPrefix": ["", "/pointsman", "pointsman/", "a b"],
    "RailwayProjectId": ["", "my-project", UUID.upper()], "RailwayEnvironmentId": ["production"],
    "RailwayRuntimeImage": ["Image name"], "OpenRouterKeyLimit": ["20 USD", "-1"],
    "OpenRouterKeyLimitReset": ["yearly"],
    "AgentMailDomain": ["https://mail.example.com", "example"], "TelnyxPhoneNumber": ["4155550100", "+1 415"],
    "TelnyxMessagingProfileId": ["convos-agent"], "XmtpEnv": ["prod"], "Orphans": ["yes"],
    "ModelBaseUrl": ["", "http://models.example.com/v1", "api.openai.com/v1"], "ModelNormal": ["", "gpt 5"],
    "ApiCorsOrigin": ["app.example.com", "https://a.example.com, https://b.example.com", "https://a.example.com/"],
    "AgentAuth": ["none"], "AllowHeaderAuth": ["yes"], "JwtJwksUrl": ["http://login.example.com/keys"],
    "VpcSubnetIds": ["vpc-01234567", "subnet-01234567,sg-01234567"], "VpcSecurityGroupIds": ["default"],
    "StreamConcurrency": ["-1", "many"], "LogRetentionDays": ["31"], "Tracing": ["true"], "AlarmTopicArn": ["alarms"],
    "AlarmEmail": ["on-call", "a@example.com,b@example.com"], "DomainName": ["https://api.example.com"],
    "CertificateArn": [CERTIFICATE.replace("us-east-1", "eu-west-1")],
    "WebAclArn": [WEB_ACL.replace("global", "regional")],
}  # fmt: skip
NETWORK = {"VpcSubnetIds": "subnet-01234567,subnet-89abcdef", "VpcSecurityGroupIds": "sg-01234567"}
EDGE = {"DomainName": "api.example.com", "CertificateArn": CERTIFICATE}


def find_problems(**changes: str) -> list[str]:
    return find_parameter_problems(DOCUMENT, {**GOOD, **changes})


def test_the_smallest_set_of_values_is_enough() -> None:
    assert find_problems() == []
    required = {name for name, definition in PARAMETERS.items() if "Default" not in definition}
    assert required == GOOD.keys() - {"RailwayEnvironmentName"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALID.items() for value in values])
def test_a_well_formed_value_is_taken(name: str, value: str) -> None:
    extra = {"RailwayEnvironmentName": "dev"} if name == "RailwayEnvironmentId" else {}
    assert find_problems(**{**extra, name: value}) == []


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in INVALID.items() for value in values])
def test_a_malformed_value_is_refused_by_its_parameter(name: str, value: str) -> None:
    assert next(problem.split(":")[0] for problem in find_problems(**{name: value})) == name


@pytest.mark.limit("reserved-concurrency")
def test_streams_leave_most_of_a_usual_account_to_others_and_refuse_before_lambda_does() -> None:
    account, least_unreserved = 1000, 100
    streams = int(PARAMETERS["StreamConcurrency"]["Default"])
    assert 0 < streams <= (account - least_unreserved) / 2
    # The rest of the reserve answers those over the quota, each in milliseconds.
    assert int(PARAMETERS["StreamsForAll"]["Default"]) <= 0.8 * streams


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_no_parameter_takes_a_placeholder_or_says_nothing(name: str) -> None:
    definition = PARAMETERS[name]
    assert any(problem.startswith(f"{name}: must be") for problem in find_problems(**{name: "<replace this>"}))
    assert ("AllowedPattern" in definition) == ("ConstraintDescription" in definition)
    assert {"AllowedPattern", "AllowedValues"} & definition.keys() or definition["Type"] == "Number"


@pytest.mark.parametrize(("rule", "changes", "remedy"), [
    ("HeaderAuthIsMeant", {"AgentAuth": "header"}, {"AllowHeaderAuth": "trust-x-user-id"}),
    ("JwtIsComplete", {**JWT, "JwtIssuer": ""}, {"JwtIssuer": JWT["JwtIssuer"]}),
    ("JwtIsComplete", {**JWT, "JwtAudience": ""}, {"JwtAudience": JWT["JwtAudience"]}),
    ("JwtIsComplete", {**JWT, "JwtJwksUrl": ""}, {"JwtJwksUrl": JWT["JwtJwksUrl"]}),
    ("RailwayEnvironmentIsGiven", {"RailwayEnvironmentName": ""}, {"RailwayEnvironmentId": UUID}),
    ("SubnetsHaveSecurityGroups", {"VpcSubnetIds": NETWORK["VpcSubnetIds"]}, NETWORK),
    ("SecurityGroupsHaveSubnets", {"VpcSecurityGroupIds": NETWORK["VpcSecurityGroupIds"]}, NETWORK),
    ("DomainHasCertificate", {"DomainName": EDGE["DomainName"]}, EDGE),
    ("ProductionNotifiesSomebody", {"Stage": "production"}, {"AlarmEmail": "on-call@example.com"}),
    ("ProductionNotifiesSomebody", {"Stage": "production"},
     {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms"}),
])  # fmt: skip
def test_a_rule_refuses_a_combination_and_says_what_is_missing(
    rule: str, changes: dict[str, str], remedy: dict[str, str]
) -> None:
    problems = find_problems(**changes)
    assert [problem.split(":")[0] for problem in problems] == [rule]
    assert all(name in problems[0] for name in remedy.keys() - changes.keys())
    assert find_problems(**{**changes, **remedy}) == []
    without_rule = copy.deepcopy(DOCUMENT)
    del without_rule["Rules"][rule]
    assert find_parameter_problems(without_rule, {**GOOD, **changes}) == []


def test_every_rule_is_tested_and_uses_functions_that_rules_have() -> None:
    """CloudFormation has fewer functions in Rules than in Conditions: no Fn::Join, no Fn::Select."""
    used = set(re.findall(r"Fn::\w+", str(DOCUMENT["Rules"])))
    assert used <= {"Fn::And", "Fn::Contains", "Fn::Equals", "Fn::Not", "Fn::Or"}
    assert len(DOCUMENT["Rules"]) == 7


@pytest.mark.parametrize("name", ["dev", "staging", "production"])
def test_an_environment_is_complete_but_for_its_placeholders(name: str) -> None:
    environment = Environment.load(SAMCONFIG, name)
    parameters = {**environment.parameters, "Release": GOOD["Release"]}
    placeholders = {key for key, value in parameters.items() if value.startswith("<")}
    problems = find_parameter_problems(DOCUMENT, parameters)
    assert placeholders
    assert {problem.split(":")[0] for problem in problems} == placeholders
    answers = {**GOOD, "AlarmEmail": "on-call@example.com"}
    filled = {key: answers[key] if key in placeholders else value for key, value in parameters.items()}
    assert find_parameter_problems(DOCUMENT, filled) == []
    assert filled["Stage"] == name
    assert name in environment.stack_name
    assert replace_prefix(TEMPLATE.read_text(), environment.api_prefix)


def test_each_environment_has_its_own_stack_and_secrets_and_asks_before_it_changes_production() -> None:
    environments = [Environment.load(SAMCONFIG, name) for name in ("dev", "staging", "production")]
    assert len({environment.stack_name for environment in environments}) == 3
    assert len({environment.parameters["SecretPrefix"] for environment in environments}) == 3
    text = SAMCONFIG.read_text()
    assert "region" not in re.findall(r"^(\w+) =", text, re.MULTILINE)
    for name in ("dev", "staging", "production"):
        section = text.partition(f"[{name}.deploy.parameters]")[2].partition("[")[0]
        assert {"capabilities", "confirm_changeset", "resolve_s3", "tags"} <= set(
            re.findall(r"^(\w+) =", section, re.M)
        )
        assert ("confirm_changeset = true" in section) == (name != "dev")


@pytest.mark.parametrize("name", ["", "prod", "default", "version"])
def test_an_unknown_environment_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(DeploymentError, match=r"say ENV=dev\|staging\|production"):
        Environment.load(SAMCONFIG, name)
