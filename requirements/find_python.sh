#!/bin/sh
# find_python.sh: print the path of the Python that template.yaml names, which `sam build` needs; exit 1 if there is none that works.
# Not only on PATH: version managers keep it in a folder of theirs, and put a shim on PATH that fails unless they are set up.
set -eu
runtime=$(sed -n 's/^ *Runtime: *\(python3\.[0-9]*\).*/\1/p' "$(dirname "$0")/../template.yaml" | head -n 1)
version=${runtime#python}
home=${HOME:-/root}

candidates() {
    printf '%s\n' "$PATH" | tr ':' '\n' | while read -r folder; do printf '%s\n' "$folder/$runtime"; done
    for folder in "${PYENV_ROOT:-$home/.pyenv}/versions/$version"* \
        "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-$home/.local/share}/uv/python}/cpython-$version"* \
        "${ASDF_DATA_DIR:-$home/.asdf}/installs/python/$version"* /usr /usr/local /opt/homebrew /opt/*; do
        printf '%s\n' "$folder/bin/$runtime"
    done
}

check='import ensurepip, ssl, sys, venv; sys.exit(sys.version_info[:2] != tuple(map(int, sys.argv[1].split("."))))'
broken=$(mktemp)
trap 'rm -f "$broken"' EXIT
found=$(candidates | while read -r python; do
    [ -x "$python" ] || continue
    if reason=$("$python" -c "$check" "$version" 2>&1); then
        printf '%s\n' "$python"
        break
    fi
    printf '  %s does not work: %s\n' "$python" "$(printf '%s\n' "$reason" | grep -v '^ \|^Traceback\|^$' | head -n 1)" >>"$broken"
done)
[ -n "$found" ] && printf '%s\n' "$found" && exit 0

{
    echo "Building for Lambda needs Python $version (template.yaml: Runtime), and there is none on PATH, in the folders of pyenv, uv and"
    echo "asdf, in /usr, /usr/local or /opt."
    cat "$broken"
    echo "One of these installs it:"
    echo "  apt-get install $runtime $runtime-venv     Debian 13; Ubuntu with the deadsnakes PPA"
    echo "  pyenv install $version"
    echo "  uv python install $version"
} >&2
exit 1
