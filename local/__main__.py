"""Entry point; this file and the package's __init__ are read by old interpreters too, in order to say so."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said here to those that are older
    sys.stderr.write("pointsman: Python 3.11 or newer is needed, this is {}.{}\n".format(*sys.version_info))
    sys.exit(1)

from local.cli import main

if __name__ == "__main__":
    sys.exit(main())
