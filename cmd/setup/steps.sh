# Shell functions shared by the set-up and demo scripts: how a step and a failure are printed, what must be there.

# step NAME WHAT RESULT: one line per finished step, as in `  image      swarm:1.0.0-3f9c21d   done (2 s)`.
step() {
  clear_working
  printf '  %-10s %-46s %s\n' "$1" "$2" "$3"
}

# working NAME WHAT DOING: on a terminal, says what takes a while; the next step or failure takes its place.
working() { [ ! -t 1 ] || printf '  %-10s %-46s %s' "$1" "$2" "$3"; }
clear_working() { [ ! -t 1 ] || printf '\r\033[K'; }

# fail MESSAGE HINT: prints both and ends the script.
fail() {
  clear_working
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

require_node() {
  command -v node >/dev/null 2>&1 || fail "Cannot start: Node.js is not installed" "Install Node.js 20.19 or newer, with npm"
  node -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' ||
    fail "Cannot start: Node.js is $(node --version)" "Install Node.js 20.19 or newer"
  command -v npm >/dev/null 2>&1 || fail "Cannot start: npm is not installed" "Install the npm that belongs to Node.js"
}

# require_installable PACKAGE…: says at once what is missing where packages cannot be installed.
require_installable() {
  [ "$(id -u)" = 0 ] || fail "Cannot install $*: not root" "Run as root, or install these packages first"
  command -v apt-get >/dev/null 2>&1 || fail "Cannot install $*: no apt-get here" "Install the same programs with your package manager"
}
