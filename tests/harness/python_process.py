"""Running code of the checkout in a process of its own: with no settings but those given, and nothing else loaded.

Also for what Mangum would leave behind here: it opens an event loop where a function's module is loaded.
"""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHONPATH = f"{CHECKOUT}:{CHECKOUT}/layers/shared:{CHECKOUT}/functions"


def run_python(code: str, stdin: str = "", **environment: str) -> str:
    """What the code prints; `given` is its standard input. Fails where the code does."""
    completed = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={"PYTHONPATH": PYTHONPATH, **environment},
        input=stdin,
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout
