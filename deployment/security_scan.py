"""The security scan of the template: checkov's findings, but for what the template suppresses with a reason.

A decision stands once for all resources, in the template's own Metadata, where checkov itself would take it at each of
48 functions. A suppression that suppresses nothing is a finding too. Entry point: `python -m deployment.security_scan
CHECKOV TEMPLATE`, as `make validate` calls it.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import RunnerError
from local.json_values import list_or_empty, mapping_or_empty
from local.template.intrinsics import load_yaml

from .errors import DeploymentError

__all__ = ["Suppression", "find_unexplained", "read_suppressions", "run_checkov"]


@dataclass(frozen=True)
class Suppression:
    """A check that does not count.

    Args:
        check: Its id, such as `CKV_AWS_116`.
        resources: Logical ids of the resources for which it does not count; empty for all.
    """

    check: str
    resources: frozenset[str]

    def covers(self, finding: Mapping[str, Any]) -> bool:
        """Return whether a finding of checkov's is suppressed."""
        resource = str(finding["resource"]).rpartition(".")[2]
        return finding["check_id"] == self.check and (not self.resources or resource in self.resources)


def read_suppressions(template: Mapping[str, Any]) -> list[Suppression]:
    """Read Metadata.checkov.skip of a template.

    Raises:
        DeploymentError: One has no reason.
    """
    metadata = mapping_or_empty(mapping_or_empty(template.get("Metadata")).get("checkov"))
    suppressions: list[Suppression] = []
    for entry in list_or_empty(metadata.get("skip")):
        if not str(entry.get("comment") or "").strip():
            raise DeploymentError(f"Metadata.checkov.skip: {entry.get('id')} needs a comment that says why")
        suppressions.append(Suppression(str(entry["id"]), frozenset(list_or_empty(entry.get("resources")))))
    return suppressions


def find_unexplained(findings: list[dict[str, Any]], suppressions: list[Suppression]) -> list[str]:
    """Return a line for each finding that is not suppressed, and for each suppression without a finding."""
    lines = [
        f"{finding['resource']}: {finding['check_id']}: {finding['check_name']}"
        for finding in findings
        if not any(suppression.covers(finding) for suppression in suppressions)
    ]
    return lines + [
        f"Metadata.checkov.skip: {suppression.check} suppresses nothing; delete it"
        for suppression in suppressions
        if not any(suppression.covers(finding) for finding in findings)
    ]


def run_checkov(program: Path, template: Path) -> list[dict[str, Any]]:
    """Scan a template, without any request to the network.

    Args:
        program: checkov's executable.
        template: The file.

    Returns:
        The failed checks; with `check_id`, `check_name` and `resource`.

    Raises:
        DeploymentError: checkov did not run, or could not read the template.
    """
    arguments = ("--framework", "cloudformation", "--skip-download", "--compact", "--output", "json", "--soft-fail")
    done = subprocess.run([program, "--file", template, *arguments], capture_output=True, text=True, check=False)
    try:
        report = mapping_or_empty(json.loads(done.stdout))
    except json.JSONDecodeError:
        raise DeploymentError(f"checkov failed: {done.stderr.strip()[-500:]}") from None
    summary = mapping_or_empty(report.get("summary"))
    if not summary.get("resource_count") or summary.get("parsing_errors"):
        raise DeploymentError(f"checkov has not read {template}")
    return list_or_empty(mapping_or_empty(report.get("results")).get("failed_checks"))


def main(program: str, file: str) -> int:
    """Scan and print what is unexplained; returns the exit status."""
    try:
        suppressions = read_suppressions(load_yaml(Path(file)))
        lines = find_unexplained(run_checkov(Path(program), Path(file)), suppressions)
    except (DeploymentError, RunnerError) as error:
        lines = [str(error)]
    print(
        "\n".join(lines) or f"{file}: no finding of checkov's is unexplained", file=sys.stderr if lines else sys.stdout
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
