#!/usr/bin/env bash
# The demo: four real engines on this machine, an operator, and one cluster; everything a user would type, in order.
# Usage: demo.sh up|down    State lives in $SWARMCTL_DEMO_DIR (default /var/lib/swarmctl-demo).
set -euo pipefail
cd "$(dirname "$0")/../.."
. cmd/setup/steps.sh

state=${SWARMCTL_DEMO_DIR:-/var/lib/swarmctl-demo}
subnet=${SWARMCTL_DEMO_SUBNET:-192.168.99.0/24}
set=${SWARMCTL_DEMO_SET:-swarmdemo}
nodes=(node0 node1 node2 node3)
export SWARMCTL_STATE_DIR=$state
# The demo talks to its own engines only, whatever the caller's shell points at.
unset DOCKER_HOST DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT SWARMCTL_SERVER
swarmctl() { node dist/cmd/swarmctl/main.js "$@"; }

require_machine() {
  local missing=()
  [ "$(uname -s)" = Linux ] || missing+=("Linux (this is $(uname -s))")
  [ "$(id -u)" = 0 ] || missing+=("root (this is $(id -un))")
  [ ${#missing[@]} -eq 0 ] || fail "Cannot run the demo here: it needs $(IFS=,; echo "${missing[*]}")" \
    "Real engines in network namespaces need a Linux machine where you are root"
}

# Whether the process in the pid file is our operator, and not another process that got its number.
operator_runs() {
  [ -f "$state/operator.pid" ] && tr '\0' ' ' <"/proc/$(cat "$state/operator.pid")/cmdline" 2>/dev/null |
    grep -q "swarmctl/main.js run"
}

start_operator() {
  if operator_runs; then
    step operator "watching for swarmctl apply" "runs already (pid $(cat "$state/operator.pid"))"
    return
  fi
  setsid node dist/cmd/swarmctl/main.js run --images "$state/images" >>"$state/operator.log" 2>&1 </dev/null &
  echo $! >"$state/operator.pid"
  for _ in $(seq 100); do
    swarmctl_ready && break
    operator_runs || fail "Cannot start the operator: it ended" "$(tail -n 3 "$state/operator.log")"
    sleep 0.1
  done
  swarmctl_ready || fail "Cannot start the operator: it does not answer" "See $state/operator.log"
  step operator "log $state/operator.log" "started (pid $(cat "$state/operator.pid"))"
}
swarmctl_ready() { [ -S "$state/swarmctl.sock" ]; }

up() {
  require_machine
  cmd/setup/setup.sh
  local begin=$SECONDS
  make -s build
  step build "swarm, swarmctl" "done ($((SECONDS - begin)) s)"
  install -d -m 700 "$state"

  # Engines and image do not need each other: made side by side.
  begin=$SECONDS
  swarmctl machine create --ensure --set "$set" --subnet "$subnet" "${nodes[@]}" >"$state/machines.log" 2>&1 &
  local machines=$!
  node dist/cmd/build/build-image.js --output "$state/images"
  wait "$machines" || fail "Cannot create the engines: swarmctl machine create failed" "$(cat "$state/machines.log")"
  step engines "${nodes[*]}" "up ($((SECONDS - begin)) s)"
  local loads=()
  for node in "${nodes[@]:1}"; do
    docker -H "unix://$(swarmctl machine inspect "$node" --format '{.socket}')" load -q -i "$state/images/busybox.tar" >/dev/null &
    loads+=($!)
  done
  start_operator
  wait "${loads[@]}"
  swarmctl apply -f manifests/demo/ --wait --timeout 120s
  show
}

show() {
  local environment
  environment=$(swarmctl env demo --shell bash)
  echo
  swarmctl get nodes,clusters
  (
    eval "$environment"
    printf '\n$ docker info            (through the manager)\n'
    docker info
    printf '\n$ docker run --rm busybox hostname\n'
    docker run --rm busybox hostname
  )
  cat <<TEXT

Your shell on the cluster:
$(grep '^export DOCKER_[HTC]' <<<"$environment" | sed 's/^/  /')
Your shell on the operator:
  export SWARMCTL_STATE_DIR=$state
Stop and remove everything:  make demo-down
TEXT
}

down() {
  require_machine
  if operator_runs; then
    local pid
    pid=$(cat "$state/operator.pid")
    kill "$pid"
    for _ in $(seq 100); do operator_runs || break; sleep 0.1; done
    ! operator_runs || kill -9 "$pid"
    step operator "pid $pid" "stopped"
  fi
  if [ -d "$state/machines" ]; then
    swarmctl machine rm --all --force
    step engines "all machines of the demo" "removed"
  fi
  rm -rf "$state"
  step files "$state" "removed"
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) fail "Cannot run demo.sh: unknown command '${1:-}'" "Use make demo or make demo-down" ;;
esac
