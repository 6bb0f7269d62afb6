"""Entry point: `python -m pointsman.streaming module.app`, with the environment that Lambda sets."""

import sys

from .runtime import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
