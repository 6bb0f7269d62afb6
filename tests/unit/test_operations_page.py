"""The operations manual names only targets, parameters, outputs and secrets that exist."""

import re

import pytest

from local.template.intrinsics import load_yaml
from pointsman.settings.secrets import SECRET_GROUPS
from tests.harness.paths import CHECKOUT, TEMPLATE

PAGE = (CHECKOUT / "docs/operations.md").read_text()
DOCUMENT = load_yaml(TEMPLATE)
TARGETS = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def test_each_target_of_make_exists() -> None:
    named = set(re.findall(r"(?:^    +|`|&& )make ([a-z-]+)", PAGE, re.MULTILINE))
    assert len(named) > 5
    assert named <= TARGETS


def test_the_teardown_deletes_every_secret() -> None:
    [groups] = re.findall(r"for group in (.+); do", PAGE)
    assert sorted(groups.split()) == sorted(SECRET_GROUPS)


@pytest.mark.parametrize(
    ("section", "pattern"),
    [
        ("Outputs", r"OutputKey=='(\w+)'"),
        ("Parameters", r"`([A-Z][a-z]+[A-Z]\w+) = "),
        ("Parameters", r"`(\w+Concurrency)`"),
    ],
)
def test_each_name_of_the_template_exists(section: str, pattern: str) -> None:
    named = set(re.findall(pattern, PAGE))
    assert named
    assert named <= DOCUMENT[section].keys()


def test_each_alarm_is_counted() -> None:
    alarms = [name for name, resource in DOCUMENT["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    assert f"{len(alarms)} alarms" in PAGE


def test_links_to_pages_and_headings_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, heading = target.partition("#")
        text = (CHECKOUT / "docs" / file).read_text() if file else PAGE
        slugs = {
            re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-")
            for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        }
        assert not heading or heading in slugs, target
