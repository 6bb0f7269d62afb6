#!/bin/sh
# compile.sh FOLDER: compile everything that is deployed to bytecode, with the Python that the template names. Code is read-only on
# Lambda and a zip resets file times, so checked bytecode would be compiled again at every cold start; unchecked is not.
set -eu
python=$(sed -n 's/^ *Runtime: *//p' template.yaml | head -n 1)
"$python" -m compileall -q --invalidation-mode unchecked-hash "$1"
