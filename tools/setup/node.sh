# Installs Node 24 under tools/node and the modules of the workspace, with whatever Node and npm the machine has.
# shellcheck shell=sh

install_node() {
  npm_is_complete "$root/tools/node" && [ -x "$node" ] && return
  need_space 700 "the set-up"
  say "installing Node 24 under tools/node: banger runs on it, whatever Node the machine has."
  npm_ci "$root/tools/node"
  "$node" --version >/dev/null || die "the installed Node does not start; its line above says why."
}

install_modules() {
  npm_is_complete "$root" && return
  say "installing the modules that package-lock.json names."
  npm_ci "$root"
}

# npm writes its own copy of the lockfile when everything else is in place.
npm_is_complete() {
  [ -e "$1/node_modules/.package-lock.json" ] && [ ! "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ]
}

npm_ci() {
  # npm ci begins by removing the modules: interrupted there, it would leave its mark of completeness standing.
  rm -f "$1/node_modules/.package-lock.json" || die "cannot replace $1/node_modules."
  (
    cd "$1" || exit
    # The cache is in the checkout and goes away again, so that nothing is written anywhere else.
    # Whatever the user's npm leaves out by habit, the build needs.
    npm ci --include=dev --include=optional --ignore-scripts --no-progress --loglevel=error --logs-max=0 --cache="$root/build/npm-cache" </dev/null >&2 9>&-
  ) || die "npm ci failed in $1; its lines above say why."
  rm -rf "$root/build/npm-cache"
}
