#!/bin/sh
# install.sh PYTHON VENV REQUIREMENTS: create the virtual environment if it is missing, and install into it.
# uv needs seconds where pip needs a minute; where uv cannot reach a registry, pip with its own settings still may.
set -eu
python=$1 venv=$2 requirements=$3
here=$(dirname "$0")

"$python" - <<'PY' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit("Pointsman needs Python 3.11 or newer; this is %d.%d (set PYTHON=python3.13, say)" % sys.version_info[:2])
PY

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making $venv ..."
    rm -rf "$venv"
    "$python" -m venv "$venv" || {
        rm -rf "$venv"
        echo "Python's venv module does not work here; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
fi

echo "Installing $requirements ($(grep -c '==' "$requirements") packages) ..."
quiet="--disable-pip-version-check --no-input"
"$venv/bin/python" -m pip install $quiet --quiet --require-hashes -r "$here/uv.txt"
"$venv/bin/uv" pip install --python "$venv/bin/python" --require-hashes --compile-bytecode -r "$requirements" ||
    "$venv/bin/python" -m pip install $quiet --progress-bar on --require-hashes -r "$requirements"
