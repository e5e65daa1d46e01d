#!/usr/bin/env bash
# Train the generators: one per genre, then one of all genres; goes on where it was stopped.
#   launch/train.sh DATA_FOLDER [options of robodance train]
#   GENRES="cha-cha rumba tango waltz" launch/train.sh DATA_FOLDER --variant printed
set -euo pipefail
if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    exec robodance train --help
fi
data=$1
shift
for genre in ${GENRES:-cha-cha rumba tango waltz all}; do
    robodance train autoregressive --data "$data" --genre "$genre" --resume "$@"
done
