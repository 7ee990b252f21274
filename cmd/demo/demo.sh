#!/usr/bin/env bash
# The demo: four real engines on this machine, an operator, and one cluster; everything a user would type, in order.
# Usage: demo.sh up|down    State lives in $SWARMCTL_DEMO_DIR (default /var/lib/swarmctl-demo).
set -euo pipefail
cd "$(dirname "$0")/../.."
. cmd/setup/steps.sh

state=${SWARMCTL_DEMO_DIR:-/var/lib/swarmctl-demo}
subnet=${SWARMCTL_DEMO_SUBNET:-192.168.99.0/24}
set=${SWARMCTL_DEMO_SET:-swarmdemo}
# What make demo-down must be told so that it finds this demo.
own=
[ -z "${SWARMCTL_DEMO_DIR:-}" ] || own="SWARMCTL_DEMO_DIR=$SWARMCTL_DEMO_DIR "
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
  [ -f "$state/operator.pid" ] && grep -aq "swarmctl/main.js.run" "/proc/$(cat "$state/operator.pid")/cmdline" 2>/dev/null
}

start_operator() {
  local result
  if operator_runs; then
    result="runs already (pid $(cat "$state/operator.pid"))"
  else
    # One that was killed leaves its socket, which would look as if it answered.
    rm -f "$state/swarmctl.sock"
    setsid node dist/cmd/swarmctl/main.js run --images "$state/images" >>"$state/operator.log" 2>&1 </dev/null &
    echo $! >"$state/operator.pid"
    result="started (pid $!)"
  fi
  working operator "log $state/operator.log" "starting"
  for _ in $(seq 300); do
    operator_answers && break
    operator_runs || fail "Cannot start the operator: it ended" "$(tail -n 3 "$state/operator.log")"
    sleep 0.1
  done
  operator_answers || fail "Cannot start the operator: it does not answer" "See $state/operator.log"
  step operator "log $state/operator.log" "$result"
}
operator_answers() { [ -S "$state/swarmctl.sock" ]; }

up() {
  require_machine
  cmd/setup/setup.sh
  local begin=$SECONDS
  working build "swarm, swarmctl" "compiling"
  make -s build || fail "Cannot build: make build failed" "Its messages are above"
  step build "swarm, swarmctl" "done ($((SECONDS - begin)) s)"
  install -d -m 700 "$state" "$state/bin"
  # So that `swarmctl` and `swarm` can be typed as they are written everywhere.
  ln -sfn "$PWD/dist/cmd/swarmctl/main.js" "$state/bin/swarmctl"
  ln -sfn "$PWD/dist/cmd/swarm/main.js" "$state/bin/swarm"

  # Engines and image do not need each other: made side by side.
  begin=$SECONDS
  swarmctl machine create --ensure --set "$set" --subnet "$subnet" "${nodes[@]}" >"$state/machines.log" 2>&1 &
  local machines=$!
  node dist/cmd/build/build-image.js --output "$state/images"
  working engines "${nodes[*]}" "starting"
  wait "$machines" || fail "Cannot create the engines: swarmctl machine create failed" "$(cat "$state/machines.log")"
  local sockets loads=() load
  mapfile -t sockets < <(swarmctl machine inspect "${nodes[@]}" --format '{.socket}')
  step engines "${nodes[*]}" "up ($((SECONDS - begin)) s)"
  for load in "${sockets[@]:1}"; do
    docker -H "unix://$load" load -q -i "$state/images/busybox.tar" >"$state/load.log" 2>&1 &
    loads+=($!)
  done
  start_operator
  for load in "${loads[@]}"; do
    wait "$load" || fail "Cannot load busybox into an engine: docker load failed" "$(cat "$state/load.log")"
  done
  printf '\n$ swarmctl apply -f manifests/demo/ --wait\n'
  # Both in one stream, in the order in which they happen.
  swarmctl apply -f manifests/demo/ --wait --timeout 120s 2>&1
  show
}

show() {
  local environment
  environment=$(swarmctl env demo --shell bash)
  printf '\n$ swarmctl get nodes,clusters\n'
  swarmctl get nodes,clusters
  (
    eval "$environment"
    printf '\n$ docker info            (through the manager)\n'
    docker info
    # An earlier demo may have been stopped between run and rm.
    docker rm -f swarmctl-demo-hello >/dev/null 2>&1 || true
    printf '\n$ docker run --name swarmctl-demo-hello busybox echo hello from the cluster\n'
    docker run --name swarmctl-demo-hello busybox echo hello from the cluster
    printf "\n\$ docker inspect --format '{{.Node.Name}} at {{.Node.Addr}}' swarmctl-demo-hello\n"
    docker inspect --format '{{.Node.Name}} at {{.Node.Addr}}' swarmctl-demo-hello
    docker rm swarmctl-demo-hello >/dev/null
  )
  cat <<TEXT

Your shell on the cluster:
$(grep '^export DOCKER_[HTC]' <<<"$environment" | sed 's/^/  /')
Your shell on the operator:
  export SWARMCTL_STATE_DIR="$state"
  export PATH="$state/bin:\$PATH"
Stop and remove everything:  ${own}make demo-down
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
