#!/usr/bin/env bash
# Train the generator as Ahn et al. print it, in every genre, and judge it beside the shipped one.
# Leaves what it trains in runs/, and goes on where it was stopped.
#   launch/printed.sh DATA_FOLDER [options of robodance evaluate]
set -euo pipefail
if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    exec robodance evaluate --help
fi
data=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
genres=${GENRES:-cha-cha rumba tango waltz}
GENRES=$genres "$here/train.sh" "$data" --variant printed --set updates=9000 --set batch=48 \
    --set rollout=1 --set gate_every=9000
mkdir -p runs/printed
for genre in $genres; do
    name=autoregressive_printed_$genre
    cp "runs/$name/$name.safetensors" "runs/$name/$name.json" runs/printed/
done
exec "$here/evaluate.sh" "$data" --shipped --weights runs/printed "$@"
