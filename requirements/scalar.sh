#!/bin/sh
# scalar.sh VENV FOLDER: put Scalar's browser bundle, compressed, into FOLDER, from where /docs serves it. It comes from a
# wheel that wraps it for Flask, pinned by its hash; nothing else of that wheel is kept, and none of its code runs.
set -eu
venv=$1 folder=$2
here=$(dirname "$0")
wheel=$(mktemp -d)
trap 'rm -rf "$wheel"' EXIT

echo "Fetching $here/scalar.txt into $folder ..."
options="--quiet --target $wheel --no-deps --require-hashes -r $here/scalar.txt"
"$venv/bin/uv" pip install --python "$venv/bin/python" $options ||
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input $options

"$venv/bin/python" - "$wheel" "$folder" <<'PY'
import gzip
import sys
from pathlib import Path

wheel, folder = map(Path, sys.argv[1:])
(script,) = wheel.rglob("scalar.standalone.js")
(information,) = wheel.glob("*.dist-info")
version = information.name.removesuffix(".dist-info").rpartition("-")[2]
folder.mkdir(parents=True, exist_ok=True)
for old in folder.glob("scalar-*"):
    old.unlink()
part = folder / "part"
part.write_bytes(gzip.compress(script.read_bytes(), mtime=0))
part.rename(folder / f"scalar-{version}.js.gz")
PY
