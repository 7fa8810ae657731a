#!/bin/sh
# The whole story of an encrypted model on one computer, with the simulated TDX platform (docs/encrypted-models.md):
# encrypts the small model, deletes the plain one, starts the broker, unlocks, serves, and chats through the product's own
# attested session, with a client that says nothing before every check holds. With SERVE=1 it goes on, until Ctrl-C.
# Usage: deploy/encrypted_model_story.sh [revoke|wrong-release|tamper|lie|revoke-later]
#   Without a word the model answers; with one, the machine, the directory or the broker is bad, and it stays locked, or
#   is locked again.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
PLAIN=${PLAIN:-var/models}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/confchat-story.XXXXXX")
OPEN=$(mktemp -d /dev/shm/confchat-story.XXXXXX)
MODEL=smollm2:135m
BROKER_PORT=${BROKER_PORT:-8090} PORT=${PORT:-8091}
export PORT CONFCHAT_DEVELOPMENT=1 CONFCHAT_TDX=simulator CONFCHAT_DATA_DIR="$WORK/data" CONFCHAT_FIRST_PASSWORD="${CONFCHAT_FIRST_PASSWORD:-}"
unset OLLAMA_HOST OLLAMA_MODELS  # the embedded model server is part of the story
PROGRAMS=
end() {
  for program in $PROGRAMS; do kill "$program" 2>/dev/null || true; wait "$program" 2>/dev/null || true; done
  # What whoever kept it open could not lock.
  [ -z "$(ls -A "$OPEN")" ] || $PYTHON manage.py model_unlock --lock >/dev/null 2>&1 || true
  rm -rf "$WORK" "$OPEN"
}
trap end EXIT
trap 'exit 1' INT TERM
say() { printf '\n== %s\n' "$*"; }
wait_for() { for _ in $(seq 1 600); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; echo "gave up waiting: $*"; exit 1; }
stays_locked() { echo "$1"; [ -z "$(ls -A "$OPEN")" ] && exit 3; exit 1; }
listens() { $PYTHON -c "import socket; socket.create_connection(('127.0.0.1', $1))"; }
ended_or_open() { ! kill -0 "$KEEPER" || grep -q '"state": "unlocked"' "$CONFCHAT_DATA_DIR/model-states/small.json"; }

say "1. The owner encrypts the model, and gives the key to the broker"
mkdir -m 700 "$WORK/owner" "$WORK/owner/plain" "$WORK/broker"
cp -R "$PLAIN/." "$WORK/owner/plain"
$PYTHON manage.py model_encrypt "$MODEL" "$WORK/small" --ollama-models "$WORK/owner/plain" --key "$WORK/owner/key" --signing-key "$WORK/owner/models.ed25519" 2>"$WORK/said"
cat "$WORK/said"
OWNER_KEY=$(sed -n "s/.*Its owner's key: //p" "$WORK/said")
MANIFEST=$(sed -n "s/.*Its manifest: //p" "$WORK/said")
mv "$WORK/owner/key" "$WORK/broker/small"

say "2. The plain model is deleted: what is left cannot be read"
rm -rf "$WORK/owner/plain"
ls "$WORK/small/contents"

say "3. A simulated TDX machine, whose release is signed for exactly this software and this model"
mkdir -p "$CONFCHAT_DATA_DIR/encrypted-models"
cat >"$CONFCHAT_DATA_DIR/encrypted-models/small.json" <<EOF
{"method": "gocryptfs", "model": "$MODEL", "source": "$WORK/small", "owner_key": "$OWNER_KEY", "manifest": "$MANIFEST",
 "broker": {"url": "http://127.0.0.1:$BROKER_PORT", "protocol": "auto", "key": "EC", "authorities": null, "tls_pins": [], "timeout_s": 20},
 "key": "kbs:///default/models/small", "mount": "$OPEN", "opening": "auto", "engine": [], "variables": {}}
EOF
ln -s "$OPEN" "$CONFCHAT_DATA_DIR/models"
$PYTHON manage.py setup
$PYTHON -m attestation.simulator serve --directory "$CONFCHAT_DATA_DIR/simulator" &
PROGRAMS="$! $PROGRAMS"
wait_for test -S "$CONFCHAT_DATA_DIR/simulator/qgs.sock"

say "4. The key broker"
LIE=; [ "${1:-}" != lie ] || LIE="--lie key-other"
# shellcheck disable=SC2086  # none, or two words
$PYTHON manage.py kbs_devserver --listen "127.0.0.1:$BROKER_PORT" --secrets "$WORK/broker" $LIE &
PROGRAMS="$! $PROGRAMS"
wait_for listens "$BROKER_PORT"
case "${1:-}" in
  revoke | wrong-release) $PYTHON manage.py simulator "$1" ;;
  tamper) truncate -s 4146 "$(find "$WORK/small/contents" -type f -size +1M)" ;;
esac

say "5. Evidence to the broker, the key back, the model opened, and kept open"
$PYTHON manage.py model_unlock --keep & KEEPER=$!
PROGRAMS="$KEEPER $PROGRAMS"
wait_for ended_or_open
kill -0 "$KEEPER" 2>/dev/null || stays_locked "It stays locked${1:+, as it should}."

say "6. The product, which measures what was opened into RTMR3"
CONFCHAT_SIMULATOR_RUNS=1 $PYTHON manage.py serve & SERVER=$!
PROGRAMS="$SERVER $PROGRAMS"
wait_for $PYTHON -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$PORT/readyz')"

say "7. A chat with it, by a client that verifies first"
(umask 077; $PYTHON manage.py access_token user --name "the story" >"$WORK/token")
ROOT=$(sha256sum "$CONFCHAT_DATA_DIR/simulator/root.der" | cut -d " " -f 1)
TRUST="--simulator-root=$ROOT --release-key=$(cat "$CONFCHAT_DATA_DIR/keys/release.pub") --state=$WORK/sites.json"
# shellcheck disable=SC2086  # three words
chat() { echo "Say hello." | $PYTHON -m attestation chat "http://127.0.0.1:$PORT" --token-file "$WORK/token" --max-tokens 24 $TRUST "$@"; }
chat --json >"$WORK/answer"
$PYTHON - "$WORK/answer" <<'EOF'
import json, sys
answer = json.load(open(sys.argv[1]))
print(answer["content"])
print(answer["model"]["name"], answer["model"]["digest"])
print(*(f"{check['status']}: {check['id']}" for check in answer["attestation"]["checks"] if check["id"] == "td.workload"))
EOF
cat "$CONFCHAT_DATA_DIR/events.aael"

if [ "${1:-}" = revoke-later ]; then
  say "8. The platform is revoked while the model is open: the watch has it locked"
  $PYTHON manage.py simulator revoke
  $PYTHON manage.py watch --once || true
  wait "$KEEPER" || true
  cat "$CONFCHAT_DATA_DIR/model-states/small.json" && echo
  ! chat || exit 1
  stays_locked "It was locked again, as it should."
fi
if [ -n "${SERVE:-}" ]; then say "http://127.0.0.1:$PORT until Ctrl-C"; wait "$SERVER"; fi
