"""Running code of the checkout in a process of its own: with no settings but those given, and nothing else loaded.

Also for what Mangum would leave behind here: it opens an event loop where a function's module is loaded.
"""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PATH = f"{CHECKOUT}:{CHECKOUT}/layers/shared:{CHECKOUT}/functions"


def printed_by(code: str, given: str = "", **environment: str) -> str:
    """What the code prints; `given` is its standard input. Fails where the code does."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={"PYTHONPATH": PATH, **environment},
        input=given,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
