#!/bin/sh
# clients.sh VENV types-python [FOLDER]: generate the Python client's endpoints and models from the OpenAPI document of both APIs, into
# clients/python, or into FOLDER.
set -eu
venv=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

case "${2:-}" in
types-python)
    output=${3:-clients/python/src/pointsman_client/generated}
    # The generator formats with the ruff that PATH has.
    PATH="$venv/bin:$PATH" "$venv/bin/openapi-python-client" generate --path functions/openapi/combined_document.json --meta none \
        --config clients/python/generator.yaml --output-path "$output" --overwrite --fail-on-warning
    ;;
*)
    echo "clients.sh: no command '${2:-}'" >&2
    exit 2
    ;;
esac
