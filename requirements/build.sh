#!/bin/sh
# build.sh VENV FOLDER [ARCHITECTURE]: `sam build` into FOLDER/build, for the template's default architecture or for this one. The
# template's Python comes first on PATH, where SAM looks for it, and without this process's PYTHONPATH.
set -eu
venv=$(pwd)/$1 folder=$2 architecture=${3:-}
PATH="$venv/runtime/bin:$PATH" env -u PYTHONPATH "$venv/sam/bin/sam" build --build-dir "$folder/build" \
    --cache-dir "$folder/cache" ${architecture:+--parameter-overrides "Architecture=$architecture"}
"$venv/bin/python" -m local.template.architecture "$folder/build/template.yaml"
# Code is read-only on Lambda and a zip resets file times, so checked bytecode would be compiled again at every cold start; unchecked
# is not. It names the folders of Lambda, so that functions of one folder stay equal and are uploaded once.
"$venv/runtime/bin/python" - "$folder/build" <<'PY'
import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

for folder in filter(Path.is_dir, Path(sys.argv[1]).iterdir()):
    place = "/opt" if (folder / "python").is_dir() else "/var/task"
    if not compileall.compile_dir(
        folder, maxlevels=50, quiet=1, stripdir=folder, prependdir=place,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    ):
        sys.exit(f"{folder} cannot be compiled")
PY
