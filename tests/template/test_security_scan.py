"""What the security scan accepts for all resources is explained in the template."""

import re

import pytest

from local.template.intrinsics import load_yaml
from tests.harness.paths import CHECKOUT, TEMPLATE

ACCEPTED = load_yaml(CHECKOUT / ".checkov.yaml")["skip-check"]


@pytest.mark.parametrize("check", ACCEPTED)
def test_each_accepted_finding_has_its_reason_in_the_template(check: str) -> None:
    [reason] = re.findall(rf"^# - {check}, (.+(?:\n#   .+)*)", TEMPLATE.read_text(), re.MULTILINE)
    assert len(reason.split()) > 10


def test_each_finding_that_one_resource_accepts_has_its_reason() -> None:
    for name, resource in load_yaml(TEMPLATE)["Resources"].items():
        for skipped in resource.get("Metadata", {}).get("checkov", {}).get("skip", ()):
            assert re.fullmatch(r"CKV\w+", skipped["id"]), name
            assert len(skipped["comment"].split()) > 5, name
