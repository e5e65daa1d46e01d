#!/usr/bin/env bash
# Film dances whose true moments can be read from the pictures, speed the films up, and print
# how far pictures and music are apart. Run it in a checkout.
#   launch/benchmark_film.sh [--seconds 12] [--repeats 3] [--maps TEXT] [--cameras TEXT]
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
python="${PYTHON:-python3}"
if [ ! -f tests/benchmarks/film_error.py ]; then
    echo "benchmark_film.sh: the benchmarks are in a checkout, not in an installed wheel" >&2
    exit 2
fi
export PYTHONPATH="$PWD:$PWD/tests:$PWD/tests/performance${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" tests/benchmarks/film_error.py "$@"
