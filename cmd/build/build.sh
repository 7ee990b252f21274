#!/usr/bin/env bash
# Compiles every source file into dist/ (types are checked by `make check`), and bundles the programs.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t sources < <(find controller cmd schemas test bench -name '*.ts')
# Nothing to do when every source is older than the last build.
if [ -e dist/.built ] && [ -z "$(find controller cmd schemas test bench package.json -newer dist/.built -print -quit)" ]; then
  exit 0
fi
# Built beside and moved: a running operator keeps finding its modules, and a failed build leaves the old one.
rm -rf dist.new
node_modules/.bin/esbuild "${sources[@]}" --outdir=dist.new --outbase=. --format=esm --platform=node --target=node20 \
  --sourcemap --log-level=warning
node dist.new/cmd/build/bundle-programs.js dist.new
chmod +x dist.new/cmd/swarm/main.js dist.new/cmd/swarmctl/main.js
rm -rf dist.old
[ ! -e dist ] || mv dist dist.old
mv dist.new dist
rm -rf dist.old
touch dist/.built
