#!/usr/bin/env bash
# Perform a song (or, without one, a demo) in simulation.
#   launch/sim.sh [SONG] [options of robodance perform]
set -euo pipefail
if [ $# -eq 0 ] || [[ "$1" == -* && "$1" != -h && "$1" != --help && "$1" != --demo* ]]; then
    set -- --demo "$@"
fi
exec robodance perform --sim "$@"
