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

# Makes sure that the checkout is ready, at the price of some comparisons where it is.
ensure_set_up() {
  stale=set-up
  [ ! -e "$root/build/ready.sh" ] || . "$root/build/ready.sh"
  if [ -n "$stale" ] || [ ! -x "$node" ]; then set_up; fi
}

set_up() {
  check_platform
  install_packages
  check_writable
  explain_ownership
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
  for place in "$root" "$root/build" "$root/build/setup.lock"; do
    if [ -e "$place" ] && [ ! -w "$place" ]; then
      die "$root must be set up again, but $(id -un) cannot write to $place" \
        "(it belongs to $(stat -c %U "$place"), or is mounted read-only)."
    fi
  done
  mkdir -p "$root/build" || die "cannot make $root/build."
}

# The lock is the kernel's, so one who dies holding it leaves nothing to clean up.
take_lock() {
  lock=$root/build/setup.lock
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

# git reads no clone of somebody else's unless told that it may; without this line that looks like a clone without history.
explain_ownership() {
  [ -z "${explained-}" ] || return 0
  explained=yes
  problem=$(LC_ALL=C git -C "$root" rev-parse HEAD 2>&1 >/dev/null) && return
  case $problem in
    *'dubious ownership'*)
      say "git refuses to read $root, because it belongs to $(stat -c %U "$root") and you are $(id -un);" \
        "the build will not know its commit. To allow it: git config --global --add safe.directory '$root'"
      ;;
  esac
}
