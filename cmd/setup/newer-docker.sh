#!/usr/bin/env bash
# Unpacks a newer Docker (engine, CLI, buildx, compose, registry) of a later Debian release beside the installed one, for tests of
# mixed versions. Nothing is installed: the packages come through apt with lists of their own, and are only unpacked.
# Prints one step. Running it again is quick and needs no network.
set -euo pipefail
cd "$(dirname "$0")/../.."
. cmd/setup/steps.sh

suite=trixie
packages=(containerd docker-buildx docker-cli docker-compose docker-registry docker.io runc tini)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# test/support/newer-docker.ts looks here.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/swarmctl"
place="$cache/newer-docker"

unpacked() { [ "$(cut -d ' ' -f 1 "$place/versions" 2>/dev/null)" = "$(printf '%s\n' "${packages[@]}")" ]; }
engine_version() { awk '$1 == "docker.io" { sub(/[+~-].*/, "", $2); print $2 }' "$place/versions"; }

mkdir -p "$cache"
exec 9>"$cache/newer-docker.lock"
flock 9
if unpacked; then
  step "docker" "$(engine_version) of $suite, unpacked for tests" "done"
  exit
fi

command -v apt-get >/dev/null 2>&1 || fail "Cannot unpack Docker of $suite: no apt-get here" "Run the tests on Debian or Ubuntu"
[ -r "$keyring" ] || fail "Cannot unpack Docker of $suite: $keyring is missing" "Install the Debian package debian-archive-keyring"
working "docker" "$suite: ${packages[*]}" "unpacking"
begin=$SECONDS
new="$place.new"
rm -rf "$new"
mkdir -p "$new"/{lists,cache,debs,root}

# The mirror that this machine already uses; other distributions have none.
mirror=${SWARMCTL_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 2>/dev/null | grep -m 1 -E '/debian/?$' || true)}
[ -n "$mirror" ] || fail "Cannot unpack Docker of $suite: apt has no Debian mirror here" "Set SWARMCTL_DEBIAN_MIRROR to the address of one"
cat >"$new/debian.sources" <<EOF
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: $keyring
EOF
: >"$new/status"
private_apt() {
  apt-get -o Dir::Etc::sourcelist="$new/debian.sources" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=- \
    -o Dir::State::lists="$new/lists" -o Dir::State::status="$new/status" -o Dir::Cache="$new/cache" \
    -o Acquire::Languages=none -o Acquire::Retries=2 -o APT::Sandbox::User="$(id -un)" -o APT::Update::Error-Mode=any "$@"
}
log="$new/log"
private_apt update >"$log" 2>&1 && (cd "$new/debs" && private_apt download "${packages[@]}") >>"$log" 2>&1 ||
  fail "Cannot unpack Docker of $suite: apt-get failed: $(sed -n 's/^E: //p' "$log" | head -n 1)" \
    "Run it again with network; the tests of mixed versions need these packages once"
for deb in "$new"/debs/*.deb; do
  dpkg-deb -x "$deb" "$new/root"
  dpkg-deb -W --showformat '${Package} ${Version}\n' "$deb"
done | LC_ALL=C sort >"$new/versions"
rm -rf "$new"/{lists,cache,debs,status,debian.sources,log} "$new/root/usr/share"
rm -rf "$place"
mv "$new" "$place"
unpacked || fail "Cannot unpack Docker of $suite: got $(tr '\n' ',' <"$place/versions")" "Remove $place and run it again"
step "docker" "$(engine_version) of $suite, unpacked for tests" "unpacked ($((SECONDS - begin)) s)"
