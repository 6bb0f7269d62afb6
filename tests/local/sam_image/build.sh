#!/bin/sh
# build.sh [IMAGE]: make a stand-in for AWS's image of the Lambda runtime, where its registry cannot be reached: Debian with
# Python 3.13, the runtime client and boto3. For tests of `sam local`; needs root, debootstrap, pip and Docker; three minutes.
set -eu
image=${1:-pointsman/lambda-python3.13}
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

debootstrap --variant=minbase --include=python3,ca-certificates trixie "$root"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$root/var/runtime" \
    --python-version 3.13 --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" --only-binary :all: \
    awslambdaric boto3
install -m 755 "$here/bootstrap" "$root/var/runtime/bootstrap"
mkdir -p "$root/var/task" "$root/opt"
rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/usr/share/doc" "$root/usr/share/locale"
tar -C "$root" -c . | docker import --change "WORKDIR /var/task" --change "ENV LAMBDA_TASK_ROOT=/var/task" - "$image"
