#!/usr/bin/env bash
# Adapt recorded and generated dances, beside other people's solvers, and print the tables.
# Run it in a checkout, with the extra "peers" installed.
#   ROBODANCE_DATA=DATA_FOLDER launch/benchmark_motion.sh [--seconds 30] [--sets cha-cha mix ...]
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
python="${PYTHON:-python3}"
if [ ! -f tests/benchmarks/compare_motion.py ]; then
    echo "benchmark_motion.sh: the benchmarks are in a checkout, not in an installed wheel" >&2
    exit 2
fi
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
    exec "$python" tests/benchmarks/compare_motion.py --help
fi
"$python" tests/benchmarks/compare_motion.py "$@"
"$python" tests/benchmarks/stress_motion.py --random 1000
"$python" tests/benchmarks/stress_motion.py --hour --strange
