#!/usr/bin/env bash
# Perform a song (or, without one, a demo) on a NAO; asks before the robot moves.
#   launch/robot.sh HOST[:PORT] [SONG] [options of robodance perform]
#   launch/robot.sh virtual [SONG] [options]      on a virtual NAO of its own, which does not ask
set -euo pipefail
if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit 2
fi
robot=$1
shift
if [ $# -eq 0 ] || [[ "$1" == -* && "$1" != --demo* && "$1" != --show* ]]; then
    set -- --demo "$@"
fi
if [ "$robot" != virtual ]; then
    exec robodance perform --robot "$robot" "$@"
fi
# Ctrl-C is for the dance, which brings the robot to rest; only then the robot ends, too.
trap ':' INT TERM HUP
set -m
coproc NAO { exec robodance virtual-nao --port 0 --json; }
set +m
nao=$NAO_PID
state=$(mktemp -d)
trap 'kill "$nao" 2>/dev/null || true; wait "$nao" 2>/dev/null || true; rm -rf "$state"' EXIT
read -r line <&"${NAO[0]}"
url=${line#*\"url\": \"}
XDG_STATE_HOME=$state robodance perform --robot "${url%%\"*}" --yes "$@"
