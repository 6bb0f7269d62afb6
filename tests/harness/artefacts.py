"""The built artefacts: where they are, and whether this run has them."""

import os
from pathlib import Path

import pytest

from local.settings import BUILT_TEMPLATE

from .paths import CHECKOUT

LOCAL_BUILD = (CHECKOUT / BUILT_TEMPLATE).parent
"""What `make build-local` makes for this machine."""
DEPLOYED_BUILD = CHECKOUT / ".aws-sam/build"
"""What `make build` makes and `make deploy` uploads."""

IS_BUILT = os.environ.get("POINTSMAN_BUILT") == "on"
"""Whether the stacks of this run use the built artefacts."""

needs_artefacts = pytest.mark.skipif(not IS_BUILT, reason="no built artefacts: `make test-built` builds and tests them")


def measure_size(folder: Path) -> int:
    """Return the bytes of all files below a folder, which is what Lambda limits."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
