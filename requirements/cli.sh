#!/bin/sh
# cli.sh PYTHON VENV: install the Python client and the command line, with what requirements/cli.txt pins, into VENV.
set -eu
python=$1 venv=$2
cd "$(dirname "$0")/.."
sh requirements/install.sh "$python" "$venv" requirements/cli.txt
# Whatever was there of these two before, and without a registry: all that they need is installed.
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --quiet --no-index --no-build-isolation --no-deps \
    --force-reinstall ./clients/python ./clients/cli
