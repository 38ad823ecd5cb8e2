#!/bin/sh
# stamp.sh HEADER MACRO FILE… : writes a C header that defines MACRO as `VERSION+SOURCES (COMMIT, built TIME)`, what a program
# says of its build. SOURCES is a hash of the files and folders it is made of, below the working directory; COMMIT the last
# one that touched them, with `+` if files differ from it; TIME that of the commit, or SOURCE_DATE_EPOCH.
# So a commit elsewhere makes no other program; an unchanged header is left alone, and rebuilds nothing.
set -eu

header=$1
macro=$2
shift 2

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$(dirname "$0")/../../package.json")
sources=$(find "$@" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)

commit=unknown
seconds=${SOURCE_DATE_EPOCH:-}
if found=$(git log -1 --abbrev=12 --format='%h %ct' -- "$@" 2>/dev/null) && [ -n "$found" ]; then
  commit=${found% *}
  seconds=${seconds:-${found#* }}
  [ -z "$(git --no-optional-locks status --porcelain -- "$@")" ] || commit=$commit+
fi

time=unknown
[ -z "$seconds" ] || time=$(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ)

mkdir -p "$(dirname "$header")"
printf '#define %s "%s"\n' "$macro" "$version+$sources ($commit, built $time)" >"$header.new"
if cmp -s "$header.new" "$header"; then rm "$header.new"; else mv "$header.new" "$header"; fi
