# Installs the Debian packages of tools/setup/packages that are missing, or says how to.
# shellcheck shell=sh

# Finds what is missing: fills $missing (package names) and $reasons (lines for a reader).
find_missing() {
  missing='' reasons=''
  while read -r package witness reason; do
    case $package in '' | '#'*) continue ;; esac
    ! is_there "$witness" || continue
    missing="$missing $package"
    reasons="$reasons
  $package: $reason"
  done <"$root/tools/setup/packages"
}

# Programs of /usr/sbin count too; an ordinary user's PATH often lacks it.
is_there() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) (PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null) ;;
  esac
}

install_packages() {
  find_missing
  [ -n "$missing" ] || return 0
  say "these Debian packages are missing:$reasons"
  command -v apt-get >/dev/null ||
    die "this machine has no apt-get; install the programs above by its own means, then start again."
  install="apt-get install -y --no-install-recommends$missing"
  if [ "$(id -u)" = 0 ]; then
    install_as_root
  elif [ -t 0 ] && [ -t 2 ] && command -v sudo >/dev/null; then
    say "installing them with sudo: $install"
    sudo sh -c "apt-get update && DEBIAN_FRONTEND=noninteractive $install" >&2 ||
      die "apt-get failed; its lines above say why."
  else
    ask_for_root
  fi
  find_missing
  [ -z "$missing" ] || die "still missing after the installation:$missing."
}

# The command works in a root shell too, so that whoever reads it need not change it.
ask_for_root() {
  as_root='su -c'
  ! command -v sudo >/dev/null || as_root='sudo sh -c'
  say "run this command once, then start again:"
  printf "\n  %s 'apt-get update && %s'\n\n" "$as_root" "$install" >&2
  exit 3
}

install_as_root() {
  say "installing them: $install"
  lists_are_fresh || update_lists
  # A list that looks fresh can still name a package that has left the archive: one more try with new lists.
  run_install || { update_lists && run_install; } || die "apt-get failed; its lines above say why."
}

lists_are_fresh() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null)" ]
}

update_lists() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null >&2
}

run_install() {
  # shellcheck disable=SC2086 # a list of package names
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends $missing </dev/null >&2
}
