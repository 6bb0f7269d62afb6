"""Where the files of the checkout under test are."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
EVENTS = CHECKOUT / "events"
TEMPLATE = CHECKOUT / "template.yaml"

PYTHONPATH = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "layers/shared"), str(CHECKOUT / "functions")])
"""For a process of its own that imports the product, the functions or `local`."""
