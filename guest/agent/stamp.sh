# Prints what the agent says of its build: `VERSION+SOURCES (COMMIT, built TIME)`. SOURCES is a hash of what it is made of; COMMIT
# the last one that touched that, with `+` if files differ from it; TIME that of the commit, or SOURCE_DATE_EPOCH.
set -eu

version=$1
cd "$(dirname "$0")"
sources=$(find Makefile stamp.sh src -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)

commit=unknown
seconds=${SOURCE_DATE_EPOCH:-}
if found=$(git log -1 --abbrev=12 --format='%h %ct' -- Makefile stamp.sh src 2>/dev/null) && [ -n "$found" ]; then
  commit=${found% *}
  seconds=${seconds:-${found#* }}
  [ -z "$(git --no-optional-locks status --porcelain -- Makefile stamp.sh src)" ] || commit=$commit+
fi

time=unknown
[ -z "$seconds" ] || time=$(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ)
printf '%s+%s (%s, built %s)\n' "$version" "$sources" "$commit" "$time"
