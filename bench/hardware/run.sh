#!/bin/sh
# Measures this project on the GPU at hand, with what pack.sh packed where there is no Deno: `bench/hardware/run.sh
# [options]`, see README.md. Needs no network, gzip and tar.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
packed=${HARDWARE_PACKED:-$root/.hardware}
work=$(mktemp -d "${TMPDIR:-/tmp}/adtr-hardware.XXXXXX")
child=
# The log must be whole whatever happens: a signal goes on to the program, which closes it.
trap 'rm -rf "$work"' EXIT
trap '[ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT

deno=deno
if [ -f "$packed/deno.gz" ]; then
  deno=$work/deno
  gzip -dc "$packed/deno.gz" > "$deno"
  chmod +x "$deno"
  mkdir "$work/cache"
  tar -C "$work/cache" -xzf "$packed/npm.tar.gz"
  mkdir "$work/lib"
  cp "$packed"/lib/* "$work/lib"
  cp "$packed/deno.lock" "$work/deno.lock" # Deno may write to it
  export DENO_DIR="$work/cache" HARDWARE_LIBRARIES="$work/lib" HARDWARE_LOCK="$work/deno.lock"
fi
export NODEVICE_SELECT=1 DENO_NO_UPDATE_CHECK=1 NO_COLOR=1 HARDWARE_WORK="$work"
"$deno" run -A "$root/bench/hardware/main.ts" "$@" &
child=$!
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done # a signal ended the first wait
exit "$code"
