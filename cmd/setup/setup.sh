#!/usr/bin/env bash
# Installs what is missing on a Debian or Ubuntu machine: packages and node_modules. Running it twice is harmless.
# Usage: setup.sh [--test]    --test adds what only the tests need.
set -euo pipefail
cd "$(dirname "$0")/../.."
. cmd/setup/steps.sh

tests=no
[ "${1:-}" != --test ] || tests=yes

require_node
wanted=()
want() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || wanted+=("$2"); }
# A dynamically linked busybox does not run in an image of its own.
busybox_is_static() { command -v busybox >/dev/null 2>&1 && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }
want dockerd docker.io
want docker "$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || echo docker.io)"
want ip iproute2
want iptables iptables
busybox_is_static || wanted+=(busybox-static)
want nsenter util-linux
if [ "$tests" = yes ]; then
  want kubectl kubernetes-client
  want git git
  want sshd openssh-server
  want openssl openssl
  want python3 python3
  /usr/bin/python3 -c 'import docker' 2>/dev/null || wanted+=(python3-docker)
  # Compose 1 is a package of its own up to Debian 12; the second comes with the newer Docker below.
  ! apt-cache policy docker-compose 2>/dev/null | grep -q 'Candidate: 1\.' || want docker-compose docker-compose
  [ -r /usr/share/keyrings/debian-archive-keyring.gpg ] || wanted+=(debian-archive-keyring)
fi

# Tests start an sshd of their own on loopback; that of the package must not open this machine to its network.
policy=/usr/sbin/policy-rc.d
hold_sshd() {
  [ ! -e $policy ] || return 0
  printf '#!/bin/sh\ncase "$1" in ssh | ssh.*) exit 101 ;; esac\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
}
keep_sshd_off() {
  for unit in ssh.service ssh.socket; do systemctl disable $unit >/dev/null 2>&1 || true; done
}

if [ ${#wanted[@]} -eq 0 ]; then
  step packages "all there" "done"
else
  mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
  require_installable "${wanted[@]}"
  working packages "${wanted[*]}" "installing"
  begin=$SECONDS
  log=$(mktemp)
  [[ " ${wanted[*]} " != *" openssh-server "* ]] || hold_sshd
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${wanted[@]}"; } \
    >"$log" 2>&1 || fail "Cannot install ${wanted[*]}: apt-get failed" "$(tail -n 3 "$log")"
  [[ " ${wanted[*]} " != *" openssh-server "* ]] || keep_sshd_off
  rm -f "$log"
  step packages "${wanted[*]}" "installed ($((SECONDS - begin)) s)"
fi

if [ node_modules/.package-lock.json -nt package-lock.json ]; then
  step modules "node_modules" "done"
else
  begin=$SECONDS
  log=$(mktemp)
  working modules "node_modules" "installing"
  npm ci >"$log" 2>&1 || fail "Cannot install node_modules: npm ci failed" "$(tail -n 5 "$log")"
  rm -f "$log"
  touch node_modules/.package-lock.json
  step modules "node_modules" "installed ($((SECONDS - begin)) s)"
fi

[ "$tests" = no ] || cmd/setup/newer-docker.sh
