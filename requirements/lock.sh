#!/bin/sh
# Pin all requirements anew: newest versions, with hashes, for every platform, without any registry's address.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
lock() {
    from=$1 to=$2
    shift 2
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        --no-annotate "$from" -o "$to" "$@"
}
lock requirements/dev.in requirements/dev.txt --upgrade
lock requirements/local.in requirements/local.txt --constraint requirements/dev.txt
lock requirements/layer.in layers/shared/requirements.txt --constraint requirements/dev.txt
lock requirements/authorizers.in functions/authorizers/requirements.txt --constraint requirements/dev.txt
lock requirements/migration.in functions/migration/requirements.txt --constraint requirements/dev.txt
lock requirements/lambda.in requirements/lambda.txt --constraint requirements/dev.txt
lock requirements/runtime.in requirements/runtime.txt --constraint requirements/dev.txt
lock requirements/sam.in requirements/sam.txt --upgrade
lock requirements/checkov.in requirements/checkov.txt --upgrade
lock requirements/uv.in requirements/uv.txt --upgrade
lock requirements/scalar.in requirements/scalar.txt --upgrade --no-deps
lock requirements/node.in requirements/node.txt --constraint requirements/dev.txt
lock requirements/cli.in requirements/cli.txt --constraint requirements/dev.txt
sh requirements/npm.sh .venv npm lock @redocly/cli@latest openapi-typescript@latest
# Vite 8.4.0 wants an optional package that the registry does not have: package.json overrides it.
sh requirements/npm.sh .venv npm-clients lock @ag-ui/client@latest ai@latest @modelcontextprotocol/inspector@latest \
    @modelcontextprotocol/sdk@latest openapi-fetch@latest openapi-typescript@latest standardwebhooks@latest typescript@5 @types/node@24
sh requirements/console.sh .venv/node lock
