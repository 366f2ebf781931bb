#!/bin/sh
# Starts the quickstart, unless it runs, and shows how it does. It may be called
# from anywhere and any number of times.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$here/../../bin" && pwd)
conf=$here/supervisord.conf
ctl() { "$bin/supervisorctl" -c "$conf" "$@"; }

mkdir -p "$here/run"
if ctl pid >/dev/null 2>&1; then
  echo "It runs already, as process $(ctl pid)."
else
  "$bin/supervisord" -c "$conf"
fi

# A program counts as running when it has been up for a second.
tries=0
while ctl status | grep -q STARTING && [ $tries -lt 50 ]; do
  sleep 0.2
  tries=$((tries + 1))
done
ctl status || true # its exit status tells of programs, not of the quickstart

cat <<END

To look on:  bin/supervisorctl -c examples/quickstart/supervisord.conf tail -f clock
To stop it:  bin/supervisorctl -c examples/quickstart/supervisord.conf shutdown
END
