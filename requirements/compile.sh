#!/bin/sh
# compile.sh FOLDER: bytecode for everything that is deployed, by the Python that the template names. Code is read-only on
# Lambda and a zip resets file times: without bytecode that is not checked against them, each cold start compiles anew.
set -eu
python=$(sed -n 's/^ *Runtime: *//p' template.yaml | head -n 1)
"$python" -m compileall -q --invalidation-mode unchecked-hash "$1"
