"""docs/deployer-policy.json covers every kind of resource that a deployment makes."""

import json
import re
from typing import Any

import pytest

from tests.harness.paths import CHECKOUT
from tests.template.sam_transform import transform_template

POLICY: dict[str, Any] = json.loads((CHECKOUT / "docs/deployer-policy.json").read_text())
ACTIONS = [
    action
    for statement in POLICY["Statement"]
    for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
]
SERVICES = {
    "ApiGateway": "apigateway", "ApiGatewayV2": "apigateway", "CloudFront": "cloudfront", "CloudWatch": "cloudwatch",
    "CodeDeploy": "codedeploy", "Events": "events", "IAM": "iam", "KMS": "kms", "Lambda": "lambda", "Logs": "logs",
    "SNS": "sns", "StepFunctions": "states",
}  # fmt: skip
"""The prefix of the actions that make a resource, by the service in its type."""


def list_services() -> set[str]:
    types = {resource["Type"] for resource in transform_template()["Resources"].values()}
    return {name.split("::")[1] for name in types if name.startswith("AWS::")}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_the_deployer_may_make_what_the_template_has(service: str) -> None:
    assert service in list_services()
    assert [action for action in ACTIONS if action.startswith(f"{SERVICES[service]}:")]


def test_every_service_of_the_template_is_listed() -> None:
    assert list_services() == set(SERVICES)


def test_the_policy_is_one_that_iam_takes() -> None:
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144, "the limit of a managed policy"
    for statement in POLICY["Statement"]:
        assert re.fullmatch(r"[A-Za-z0-9]+", statement["Sid"])
        assert statement["Effect"] == "Allow"
    assert "*" not in ACTIONS
