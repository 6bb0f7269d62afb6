"""The examples of the READMEs, as they are pasted, in a program of their own."""

import re
import subprocess
import sys
from types import ModuleType

import pytest

from local.stack.stack import Stack
from tests.harness.paths import CHECKOUT
from tests.harness.stack import API_KEY

pytestmark = pytest.mark.clients

PAGES = [CHECKOUT / "README.md", CHECKOUT / "clients/python/README.md"]
EXAMPLES = [code for page in PAGES for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]
EXPECTED = ("It is 2", "It is 2", "instances.create", "demo-1")
"""What each example prints, among other things."""


@pytest.mark.parametrize(("code", "expected"), [*zip(EXAMPLES, EXPECTED, strict=True)], ids=range(len(EXPECTED)))
def test_an_example_works(sdk: ModuleType, stack: Stack, simulator: object, code: str, expected: str) -> None:
    code = code.replace("http://127.0.0.1:3002", stack.url).replace("pointsman-development-key", API_KEY)
    folder = str(sdk.__path__[0]).removesuffix("/pointsman_client")
    completed = subprocess.run(
        [sys.executable, "-c", code],
        check=False, env={"PYTHONPATH": folder}, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert (completed.returncode, completed.stderr) == (0, "")
    assert expected in completed.stdout
