#!/bin/sh
# build.sh VENV FOLDER [ARCHITECTURE]: `sam build` into FOLDER/build, for the template's default architecture or for this one. The
# template's Python comes first on PATH, where SAM looks for it, and without this process's PYTHONPATH.
set -eu
venv=$(pwd)/$1 folder=$2 architecture=${3:-}
PATH="$venv/runtime/bin:$PATH" env -u PYTHONPATH "$venv/sam/bin/sam" build --build-dir "$folder/build" \
    --cache-dir "$folder/cache" ${architecture:+--parameter-overrides "Architecture=$architecture"}
"$venv/bin/python" -m local.template.architecture "$folder/build/template.yaml"
# Code is read-only on Lambda and a zip resets file times, so checked bytecode would be compiled again at every cold start;
# unchecked is not.
"$venv/runtime/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$folder/build"
