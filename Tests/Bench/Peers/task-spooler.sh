#!/bin/sh
# task-spooler.sh FOLDER COUNT K: has tsp run /bin/true so often, K at a time; timed from outside.
export TS_SOCKET="$1/tsp" TS_SAVELIST="$1/tsp-list" TMPDIR="$1"
tsp -S "$3"
i=0
while [ "$i" -lt "$2" ]; do
  tsp -n /bin/true > /dev/null
  i=$((i + 1))
done
tsp -w
tsp -K
