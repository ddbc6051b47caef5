#!/bin/sh
# Unpacks Node, Dawn and the check into a temporary folder, runs it there, and leaves nothing behind. See README.txt.
started=$(date +%s)
pack=$(cd "$(dirname "$0")" && pwd) || exit 2
fail() {
  echo "gpu-check: $1" >&2
  exit 2
}
for tool in tar gzip mktemp; do
  command -v "$tool" >/dev/null 2>&1 || fail "there is no $tool here, which unpacks it. Install $tool."
done
folder=$(mktemp -d) || fail "no temporary folder can be made. Set TMPDIR to a folder with 400 MB free."
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' HUP INT TERM
gzip -dc "$pack/runtime.tar.gz" | tar -xf - -C "$folder" && [ -f "$folder/complete" ] ||
  fail "runtime.tar.gz could not be unpacked into $folder: 400 MB have to be free. Set TMPDIR to another folder."

# Libraries of C++, which a bare machine may lack: those of the pack only where Node does not start without.
if ! "$folder/node" --version >/dev/null 2>&1; then
  LD_LIBRARY_PATH="$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
  reason=$("$folder/node" --version 2>&1) ||
    fail "the Node of this pack does not start here ($reason). It wants what the machine was that made the pack: $(cat "$pack/made-for.txt")."
fi
GPU_CHECK_PACK=$pack GPU_CHECK_SECONDS=$(($(date +%s) - started)) TMPDIR=$folder \
  LLAMA_PROBE_SHADERS=${LLAMA_PROBE_SHADERS:-$pack/shaders} LLAMA_PROBE_CACHE=$folder/cache \
  "$folder/node" "$folder/dist/gpu-check/main.js" "$@"
