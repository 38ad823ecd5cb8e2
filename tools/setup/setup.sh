# Sets the checkout up, step by step; each step looks whether it is needed, and can be repeated after any interruption.
# Sourced by banger and tools/test.sh, which set $root and $node. Everything said goes to stderr: stdout is the command's.
# shellcheck shell=sh

say() {
  printf 'banger: %s\n' "$*" >&2
}

# One line, and the exit status that the command line gives to a missing prerequisite.
die() {
  say "$@"
  exit 3
}

# shellcheck source=tools/setup/debian.sh
. "$root/tools/setup/debian.sh"
# shellcheck source=tools/setup/node.sh
. "$root/tools/setup/node.sh"
# shellcheck source=tools/setup/build.sh
. "$root/tools/setup/build.sh"

set_up() {
  check_platform
  install_packages
  check_writable
  take_lock
  install_node
  install_modules
  build_product
  release_lock
}

check_platform() {
  platform=$(uname -sm)
  [ "$platform" = "Linux x86_64" ] || die "this is $platform; banger runs on Linux x86_64 only."
}

check_writable() {
  if ! mkdir -p "$root/build" 2>/dev/null || [ ! -w "$root/build" ] || [ ! -w "$root" ]; then
    die "$root is not set up for its present state and $(id -un) may not write there; start ./banger once as its owner."
  fi
}

# The lock is the kernel's, so one who dies holding it leaves nothing to clean up.
take_lock() {
  lock=$root/build/setup.lock
  [ ! -e "$lock" ] || [ -w "$lock" ] || die "$lock belongs to $(stat -c %U "$lock"); start ./banger once as that user."
  exec 9>"$lock"
  flock -n 9 && return
  say "another start is setting up $root; waiting for it (at most 20 minutes)."
  flock -w 1200 9 || die "gave up after 20 minutes; see who holds $lock (fuser shows it)."
}

release_lock() {
  exec 9>&-
}

# need_space MB WHAT
need_space() {
  free_kb=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
  [ "$((free_kb / 1024))" -ge "$1" ] ||
    die "$root has $((free_kb / 1024)) MB free; $2 needs $1 MB."
}
