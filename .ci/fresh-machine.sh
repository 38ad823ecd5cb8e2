#!/bin/bash
# Makes a Debian 12 root with git, nodejs and npm, and runs the README's commands in it as a new ordinary user, from a
# fresh clone of HEAD. Whatever this host has besides cannot hide a missing step there.
# It is entered with pivot_root in namespaces of its own: below a plain chroot nobody can make a user namespace.
#   .ci/fresh-machine.sh            everything
#   .ci/fresh-machine.sh COMMAND…   the set-up, then COMMAND as the user in the clone, in place of the two commands
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
user=newcomer
clone=/home/$user/banger
kept_env=(http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY
  SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE GIT_SSL_CAINFO CI REQUIRE_VM)

main() {
  [ "$(id -u)" = 0 ] || fail "needs root, to make a root directory with its owners and enter it"
  work=$(mktemp -d /var/tmp/banger-fresh.XXXXXX)
  root=$work/root
  trap clean_up EXIT
  trap 'exit 130' INT TERM

  step "make a Debian root" 600 make_root
  step "add a user and a clone" 120 add_user
  refusal_names_the_command
  step "run the command that it named, as root" 600 as root sh -c "$named"
  if [ $# -gt 0 ]; then
    step "$*" 900 as "$user" "$@"
    return
  fi
  step "./banger run" 900 os_release
  step "npm test" 900 as "$user" npm test
}

clean_up() {
  # Its mounts are gone with the namespace that had them; a root on another device would be something else.
  rm -rf --one-file-system "$work"
}

fail() {
  printf 'fresh-machine: %s\n' "$*" >&2
  exit 1
}

# step NAME SECONDS FUNCTION… : everything that can take long ends in `as` or mmdebstrap, which have the limit.
step() {
  local name=$1 begun=$SECONDS status=0
  limit=$2
  shift 2
  printf -- '--- %s (at most %d s)\n' "$name" "$limit"
  "$@" || status=$?
  printf -- '--- %s: exit %d after %d s\n' "$name" "$status" "$((SECONDS - begun))"
  [ "$status" = 0 ] || exit "$status"
}

make_root() {
  local sources=() file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ ! -s "$file" ] || sources+=("$file")
  done
  # Only how to fetch is taken from this host's apt: its other settings may name programs that are not there.
  apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|Max-)[^ ]* "[^"]+";$' >"$work/apt.conf" || true
  timeout --foreground --kill-after=20 "$limit" mmdebstrap --mode=root --variant=minbase --include=git,nodejs,npm,ca-certificates \
    --aptopt="$work/apt.conf" --skip=check/empty --quiet bookworm "$root" "${sources[@]}"
  copy_host_settings
}

# Resolver, certificates and npm's settings: what a machine on this network would have been given.
copy_host_settings() {
  local path
  install -D -m 644 "$work/apt.conf" "$root/etc/apt/apt.conf.d/99host"
  for path in /etc/resolv.conf /etc/hosts /etc/npmrc /etc/ssl/certs /usr/local/share/ca-certificates; do
    [ -e "$path" ] || continue
    mkdir -p "$root${path%/*}"
    rm -rf "${root:?}$path"
    cp -rL --preserve=mode "$path" "$root$path"
  done
}

add_user() {
  git -c safe.directory="$repo" -C "$repo" bundle create --quiet "$root/srv/banger.bundle" HEAD
  chmod 644 "$root/srv/banger.bundle"
  as root useradd --create-home --shell /bin/bash "$user"
  as "$user" git clone --quiet -c advice.detachedHead=false /srv/banger.bundle "$clone"
}

# Sets $named to the one command that ./banger tells to run.
refusal_names_the_command() {
  local status=0 said
  limit=60
  said=$(as "$user" ./banger run -- cat /etc/os-release 2>&1) || status=$?
  printf '%s\n' "$said"
  [ "$status" = 3 ] || fail "./banger without its packages: exit $status, not 3"
  named=$(sed -n 's/^  \(su\|sudo\) /\1 /p' <<<"$said")
  case $named in '' | *$'\n'*) fail "./banger did not name one command" ;; esac
}

os_release() {
  local answer
  answer=$(as "$user" ./banger run -- cat /etc/os-release) || return
  printf '%s\n' "$answer"
  grep -qx 'ID=debian' <<<"$answer" || fail "that is no os-release of Debian"
}

# as USER COMMAND… : in the root, in new mount, PID, IPC and UTS namespaces; ends everything started there.
as() {
  local who=$1 home cwd env=() name
  shift
  home=/home/$who cwd=/
  [ "$who" != root ] || home=/root
  [ "$who" = root ] || [ ! -d "$root$clone" ] || cwd=$clone
  for name in "${kept_env[@]}"; do
    [ -z "${!name-}" ] || env+=("$name=${!name}")
  done
  timeout --foreground --kill-after=20 "$limit" unshare --mount --propagation=private --pid --fork --kill-child --ipc --uts \
    bash "$repo/.ci/enter-root.sh" "$root" \
    env -i "${env[@]}" HOME="$home" USER="$who" LOGNAME="$who" LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
    setpriv --reuid="$who" --regid="$who" --init-groups -- env -C "$cwd" "$@" </dev/null
}

main "$@"
