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
rumba=runs/autoregressive_rumba/autoregressive_rumba.safetensors
for genre in ${GENRES:-cha-cha rumba tango waltz all}; do
    more=()
    if [ "$genre" = all ]; then # as long a chain of each genre as it would have by itself
        more=(--set updates=8500 --set batch=64 --set chain_beats=16000)
        if [ -f "$rumba" ]; then # a network that dances
            more+=(--from "$rumba" --set forced_until=0.15)
        fi
    fi
    robodance train autoregressive --data "$data" --genre "$genre" --resume "${more[@]}" "$@"
done
