"""The security scan: a finding counts unless the template says why not, and a reason for nothing counts too."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployment.errors import DeploymentError
from deployment.security_scan import Suppression, find_unexplained, main, read_suppressions, run_checkov
from local.template.intrinsics import load_yaml
from tests.harness.paths import TEMPLATE


def make_finding(check: str, resource: str) -> dict[str, Any]:
    return {"check_id": check, "check_name": f"Ensure {check}", "resource": f"AWS::Serverless::Function.{resource}"}


FINDINGS = [make_finding("CKV_1", "One"), make_finding("CKV_1", "Two"), make_finding("CKV_2", "One")]


def make_checkov(folder: Path, findings: list[dict[str, Any]], **summary: int) -> Path:
    """A program that prints a report as checkov does."""
    report = {"summary": {"resource_count": 3, "parsing_errors": 0, **summary}, "results": {"failed_checks": findings}}
    program = folder / "checkov"
    program.write_text(f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(report)}\nEOF\n")
    program.chmod(0o755)
    return program


def make_template(folder: Path, *skip: dict[str, Any]) -> Path:
    path = folder / "template.yaml"
    path.write_text(json.dumps({"Metadata": {"checkov": {"skip": skip}}}))
    return path


@pytest.mark.parametrize(("suppressions", "lines"), [
    ([], ["AWS::Serverless::Function.One: CKV_1: Ensure CKV_1", "AWS::Serverless::Function.Two: CKV_1: Ensure CKV_1",
          "AWS::Serverless::Function.One: CKV_2: Ensure CKV_2"]),
    ([Suppression("CKV_1", frozenset())], ["AWS::Serverless::Function.One: CKV_2: Ensure CKV_2"]),
    ([Suppression("CKV_1", frozenset()), Suppression("CKV_2", frozenset({"Two"}))],
     ["AWS::Serverless::Function.One: CKV_2: Ensure CKV_2",
      "Metadata.checkov.skip: CKV_2 suppresses nothing; delete it"]),
    ([Suppression("CKV_1", frozenset({"One", "Two"})), Suppression("CKV_2", frozenset({"One"}))], []),
])  # fmt: skip
def test_what_is_not_suppressed_is_listed(suppressions: list[Suppression], lines: list[str]) -> None:
    assert find_unexplained(FINDINGS, suppressions) == lines


@pytest.mark.parametrize("comment", [None, "", " "])
def test_a_suppression_without_a_reason_is_refused(comment: str | None) -> None:
    template = {"Metadata": {"checkov": {"skip": [{"id": "CKV_1", "comment": comment}]}}}
    with pytest.raises(DeploymentError, match="CKV_1 needs a comment that says why"):
        read_suppressions(template)


def test_the_templates_suppressions_are_explained() -> None:
    template = load_yaml(TEMPLATE)
    assert len(read_suppressions(template)) == len(template["Metadata"]["checkov"]["skip"]) > 0
    for entry in template["Metadata"]["checkov"]["skip"]:
        assert len(entry["comment"].split()) > 10, entry["id"]
        assert set(entry.get("resources", ())) <= template["Resources"].keys()


def test_the_exit_status_says_whether_all_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = make_checkov(tmp_path, FINDINGS[:2])
    assert main(str(program), str(make_template(tmp_path))) == 1
    assert "AWS::Serverless::Function.Two: CKV_1: Ensure CKV_1" in capsys.readouterr().err
    assert main(str(program), str(make_template(tmp_path, {"id": "CKV_1", "comment": "decided"}))) == 0


def test_a_scan_that_read_nothing_is_no_success(tmp_path: Path) -> None:
    for summary in ({"resource_count": 0}, {"parsing_errors": 1}):
        with pytest.raises(DeploymentError, match="has not read"):
            run_checkov(make_checkov(tmp_path, [], **summary), make_template(tmp_path))
    with pytest.raises(DeploymentError, match="checkov failed"):
        run_checkov(Path("/bin/false"), make_template(tmp_path))
