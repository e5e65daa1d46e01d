#!/usr/bin/env bash
# Train the generators of all four genres, one after the other; goes on where it was stopped.
#   launch/train.sh DATA_FOLDER [options of robodance train]
set -euo pipefail
if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    exec robodance train --help
fi
data=$1
shift
for genre in cha-cha rumba tango waltz; do
    robodance train autoregressive --data "$data" --genre "$genre" --out "runs/autoregressive-$genre" --resume "$@"
done
