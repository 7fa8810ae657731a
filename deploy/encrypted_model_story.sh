#!/bin/sh
# The whole story of an encrypted model on one computer, with the simulated TDX platform (docs/encrypted-models.md):
# encrypts the small model, deletes the plain one, starts the broker, unlocks, and chats with it.
# With SERVE=1 the whole product runs with it, until Ctrl-C.
# Usage: deploy/encrypted_model_story.sh [revoke|wrong-release|tamper|lie]
#   Without a word the model answers; with one, the machine, the directory or the broker is bad, and it stays locked.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
PLAIN=${PLAIN:-var/models}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/confchat-story.XXXXXX")
OPEN=$(mktemp -d /dev/shm/confchat-story.XXXXXX)
MODEL=smollm2:135m
BROKER_PORT=${BROKER_PORT:-8090} PORT=${PORT:-8091}
export PORT CONFCHAT_DEVELOPMENT=1 CONFCHAT_TDX=simulator CONFCHAT_DATA_DIR="$WORK/data" CONFCHAT_FIRST_PASSWORD="${CONFCHAT_FIRST_PASSWORD:-}"
PROGRAMS=
end() {
  for program in $PROGRAMS; do kill "$program" 2>/dev/null || true; wait "$program" 2>/dev/null || true; done
  $PYTHON manage.py model_unlock --lock >/dev/null 2>&1 || true
  rm -rf "$WORK" "$OPEN"
}
trap end EXIT
trap 'exit 1' INT TERM
say() { printf '\n== %s\n' "$*"; }
wait_for() { for _ in $(seq 1 300); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; echo "gave up waiting: $*"; exit 1; }

say "1. The owner encrypts the model, and gives the key to the broker"
mkdir -m 700 "$WORK/owner" "$WORK/broker"
cp -R "$PLAIN" "$WORK/owner/plain"
$PYTHON manage.py model_encrypt "$MODEL" "$WORK/small" --ollama-models "$WORK/owner/plain" --key "$WORK/owner/key" --signing-key "$WORK/owner/models.ed25519" 2>"$WORK/said"
cat "$WORK/said"
OWNER_KEY=$(sed -n "s/.*Its owner's key: //p" "$WORK/said")
mv "$WORK/owner/key" "$WORK/broker/small"

say "2. The plain model is deleted: what is left cannot be read"
rm -rf "$WORK/owner/plain"
ls "$WORK/small/contents"

say "3. A simulated TDX machine, whose release is signed for exactly this software"
$PYTHON manage.py setup
mkdir -p "$CONFCHAT_DATA_DIR/encrypted-models"
cat >"$CONFCHAT_DATA_DIR/encrypted-models/small.json" <<EOF
{"method": "gocryptfs", "model": "$MODEL", "source": "$WORK/small", "owner_key": "$OWNER_KEY",
 "broker": {"url": "http://127.0.0.1:$BROKER_PORT", "protocol": "auto", "key": "EC", "authorities": null, "tls_pins": [], "timeout_s": 20},
 "key": "kbs:///default/models/small", "mount": "$OPEN", "opening": "auto", "engine": [], "variables": {}}
EOF
$PYTHON -m attestation.simulator serve --directory "$CONFCHAT_DATA_DIR/simulator" & SIMULATOR=$!
PROGRAMS="$SIMULATOR $PROGRAMS"
wait_for test -S "$CONFCHAT_DATA_DIR/simulator/qgs.sock"

say "4. The key broker"
LIE=; [ "${1:-}" != lie ] || LIE="--lie key-other"
# shellcheck disable=SC2086  # none, or two words
$PYTHON manage.py kbs_devserver --listen "127.0.0.1:$BROKER_PORT" --secrets "$WORK/broker" $LIE & BROKER=$!
PROGRAMS="$BROKER $PROGRAMS"
wait_for $PYTHON -c "import socket; socket.create_connection(('127.0.0.1', $BROKER_PORT))"
case "${1:-}" in
  revoke | wrong-release) $PYTHON manage.py simulator "$1" ;;
  tamper) truncate -s 4146 "$(find "$WORK/small/contents" -type f -size +1M)" ;;
esac

say "5. Evidence to the broker, the key back, the model opened"
$PYTHON manage.py model_unlock || { echo "It stays locked, as it should."; [ -z "$(ls -A "$OPEN")" ] && [ -n "${1:-}" ] && exit 3; exit 1; }
rmdir "$CONFCHAT_DATA_DIR/models" 2>/dev/null || true
ln -s "$OPEN" "$CONFCHAT_DATA_DIR/models"

say "6. A chat with it"
if [ -n "${SERVE:-}" ]; then kill "$SIMULATOR"; wait "$SIMULATOR" || true; $PYTHON manage.py serve; else
  MODEL_PORT=$((PORT + 1))
  $PYTHON -m confchat.llm.devserver --models "$CONFCHAT_DATA_DIR/models" --port "$MODEL_PORT" & PROGRAMS="$! $PROGRAMS"
  wait_for $PYTHON -c "import socket; socket.create_connection(('127.0.0.1', $MODEL_PORT))"
  $PYTHON -c "
import ollama
for part in ollama.Client('http://127.0.0.1:$MODEL_PORT').chat('$MODEL', [{'role': 'user', 'content': 'Say hello.'}], stream=True, options={'num_predict': 24}):
    print(part.message.content or '', end='', flush=True)
print()"
fi
