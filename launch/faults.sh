#!/usr/bin/env bash
# Let each fault happen in mid-dance, 100 times at random moments, on virtual NAOs beside each
# other, and print the README's table. What is in the file already is not done again.
# Run it in a checkout; each trial wants half a processor for a quarter of a minute.
#   launch/faults.sh [OUT.jsonl] [--times 100] [--at-once 2] [--kinds push lift ...]
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 QI_LOG_LEVEL=1
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
if [ ! -f tests/benchmarks/robot_faults.py ]; then
    echo "faults.sh: the benchmarks are in a checkout, not in an installed wheel" >&2
    exit 2
fi
if [ $# -eq 0 ] || [[ "$1" == -* && "$1" != -h && "$1" != --help ]]; then
    set -- runs/faults.jsonl "$@"
fi
exec "${PYTHON:-python3}" tests/benchmarks/robot_faults.py "$@"
