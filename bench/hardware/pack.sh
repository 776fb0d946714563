#!/bin/sh
# Packs what run.sh needs on a machine that has no network and no Deno: `bench/hardware/pack.sh [FOLDER]`, by default
# .hardware in the project's folder. Deno goes through gzip, which is everywhere; npm's packages come from Deno's cache;
# libraries are those that Vulkan's loader and NVIDIA's driver ask for.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
to=${1:-$root/.hardware}
most=60 # MiB, with room for the project itself within 64
cd "$root"

deno=$(deno eval --no-config 'console.log(Deno.execPath())')
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "Expected an x86-64 Linux, but found $(uname -sm)" >&2; exit 1; }
new=$(mktemp -d "$to.XXXXXX")
trap 'rm -rf "$new"' EXIT
mkdir "$new/lib"

echo "Deno: $("$deno" --version | head -1)"
gzip -c "$deno" > "$new/deno.gz"

"$deno" cache --quiet cli.ts bench/hardware/*.ts
"$deno" run -A bench/hardware/npm_packages.ts "$new/deno.lock" > "$new/list"
# shellcheck disable=SC2046 # many words, none with a space
tar -C "$(head -1 "$new/list")" -czf "$new/npm.tar.gz" $(tail -n +2 "$new/list")
rm "$new/list"

for name in libvulkan.so.1 libX11.so.6 libXext.so.6 libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0 \
  libGLdispatch.so.0 libGLX.so.0 libEGL.so.1; do
  path=$(ldconfig -p | sed -n "s/^.*\b$name (libc6,x86-64).* => //p" | head -1)
  if [ -n "$path" ]; then cp -L "$path" "$new/lib/$name"; else echo "not here, so not packed: $name"; fi
done
[ -f "$new/lib/libvulkan.so.1" ] || { echo "Expected Vulkan's loader (apt-get install libvulkan1)" >&2; exit 1; }

size=$(($(du -sb "$new" | cut -f1) / 1048576 + 1))
[ "$size" -lt "$most" ] || { echo "Expected less than $most MiB, but found $size" >&2; exit 1; }
project=$(($(git ls-files -z | du -cb --files0-from=- | tail -1 | cut -f1) / 1048576 + 1))
[ $((size + project)) -lt 64 ] || { echo "Expected less than 64 MiB with the project's $project, but found $size" >&2; exit 1; }
chmod 755 "$new"
rm -rf "$to"
mv "$new" "$to"
trap - EXIT
echo "$size MiB in $to, beside the project's $project"
du -sk "$to"/*
