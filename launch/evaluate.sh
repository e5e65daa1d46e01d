#!/usr/bin/env bash
# Judge the shipped generators beside real dance and chance: the README's table and page.
#   launch/evaluate.sh DATA_FOLDER [options of robodance evaluate]
set -euo pipefail
if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    exec robodance evaluate --help
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
data=$1
shift
exec robodance evaluate --data "$data" "$@"
