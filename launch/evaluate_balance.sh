#!/usr/bin/env bash
# Dance full-body passages in PyBullet and in MuJoCo, disturbed in ten ways, and print the tables.
# Run it in a checkout, with the extra "peers" installed. Goes on where it was stopped.
#   ROBODANCE_DATA=DATA_FOLDER launch/evaluate_balance.sh [--passages 8] [--workers 2] [OUT]
# Without OUT, results are kept in runs/balance. --scheduler ADDRESS: on a dask cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export PYTHONPATH="$PWD:$PWD/tests/benchmarks${PYTHONPATH:+:$PYTHONPATH}"
python="${PYTHON:-python3}"
if [ ! -f tests/benchmarks/evaluate_balance.py ]; then
    echo "evaluate_balance.sh: the benchmarks are in a checkout, not in an installed wheel" >&2
    exit 2
fi
exec "$python" tests/benchmarks/evaluate_balance.py "$@"
