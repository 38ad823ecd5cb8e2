# Builds the native parts with make and the TypeScript parts with tools/build.ts; both do only what is out of date.
# shellcheck shell=sh

build_product() {
  say "building."
  for part in native/addon native/launcher guest/agent; do build_native "$part"; done
  "$node" "$root/tools/build.ts" </dev/null >&2 9>&- || die "the build failed; the lines above say why."
}

# build_native FOLDER [TARGET]
build_native() {
  [ -e "$root/$1/Makefile" ] || return 0
  # NODE: npm puts that of its own into the environment.
  (cd "$root/$1" && PATH=${node%/node}:$PATH make -s "${2:-all}" NODE=node) </dev/null >&2 9>&- ||
    die "make ${2:-all} failed in $1; its lines above say why."
}
