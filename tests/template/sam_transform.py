"""Templates after SAM's transform, as CloudFormation gets them: by the translator that `sam` itself uses."""

import json
import subprocess
from functools import cache
from typing import Any

from local.template.intrinsics import load_yaml
from tests.harness.paths import CHECKOUT, TEMPLATE

SAM_PYTHON = CHECKOUT / ".venv/sam/bin/python"


def run_transform(*documents: dict[str, Any], **parameters: str) -> list[Any]:
    """Run templates through SAM's transform; a text in place of a template says what SAM refuses.

    Args:
        *documents: the templates, with intrinsic functions in their long form.
        **parameters: values of parameters; others without a default get some value.
    """
    assert SAM_PYTHON.exists(), "SAM is not installed: make .venv/.sam"
    done = subprocess.run(
        [SAM_PYTHON, CHECKOUT / "tests/template/transform_script.py"],
        input=json.dumps([[document, parameters] for document in documents]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@cache
def transform_template(**parameters: str) -> dict[str, Any]:
    """The bundle's template, transformed with these values of parameters."""
    [transformed] = run_transform(load_yaml(TEMPLATE), **parameters)
    assert isinstance(transformed, dict), transformed
    return transformed
