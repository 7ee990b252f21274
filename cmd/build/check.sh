#!/usr/bin/env bash
# Every rule that a machine can hold us to; runs them all and names those that failed.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
rule() {
  local name=$1
  shift
  "$@" || failed+=("$name")
}
# The linter takes as long as all the others together: it runs beside them, and is heard at the end.
lint_output=$(mktemp)
trap 'rm -f "$lint_output"' EXIT
node_modules/.bin/eslint --max-warnings 0 controller cmd schemas test bench >"$lint_output" 2>&1 &
lint=$!
rule types node_modules/.bin/tsc --noEmit --incremental false
rule format node_modules/.bin/prettier --check --log-level warn .
rule imports node_modules/.bin/depcruise --config .dependency-cruiser.cjs controller cmd test
rule generated node --import ./cmd/register-ts-node.mjs schemas/generate-types.ts --check
rule documents node --import ./cmd/register-ts-node.mjs schemas/generate-docs.ts --check
rule reference node --import ./cmd/register-ts-node.mjs schemas/generate-docs.ts --check
heard() {
  local code=0
  wait "$lint" || code=$?
  cat "$lint_output"
  return "$code"
}
rule lint heard
if grep -q '"resolved"' package-lock.json; then
  echo "package-lock.json records download addresses: set omit-lockfile-registry-resolved=true and install again"
  failed+=(lockfile)
fi
[ ${#failed[@]} -eq 0 ] || { echo "make check failed: ${failed[*]}" >&2; exit 1; }
echo "check: types, lint, format, imports, generated files: ok"
