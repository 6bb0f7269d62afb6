"""Entry point. This file and `local/__init__.py` stay valid for old interpreters, to reject them with a message."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older interpreters get here too
    sys.stderr.write("pointsman: Python 3.11 or newer is needed, this is {}.{}\n".format(*sys.version_info))
    sys.exit(1)

from local.cli import main

if __name__ == "__main__":
    sys.exit(main())
