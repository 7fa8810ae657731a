"""A log whose writer is killed at any moment: whatever it signed stays true, and the next one goes on from there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from attestation.log.merkle import hash_leaves
from tests.attestation.log_scene import build_signer, leaf_hashes
from tests.product import ROOT

KILLS = 8
SEED = 20261122


def test_what_was_signed_before_a_kill_is_continued_after_it(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    signed: list[tuple[int, str]] = []
    for _ in range(KILLS):
        said = write_until_killed(tmp_path, pause_s=chance.uniform(0, 0.1))
        signed += said
        last = build_signer(tmp_path).last()
        assert last is not None
        # At most one checkpoint was written down and not said.
        assert last.checkpoint.size >= signed[-1][0]
    assert [size for size, _ in signed] == sorted({size for size, _ in signed})
    hashes = leaf_hashes(signed[-1][0])
    assert [root for _, root in signed] == [hash_leaves(hashes[:size]).hex() for size, _ in signed]


def write_until_killed(directory: Path, *, pause_s: float) -> list[tuple[int, str]]:
    """Run a writer, kill it some time after it first signed, and return what it said that it signed."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONFCHAT_")},
        "CONFCHAT_DATA_DIR": str(directory),
        "CONFCHAT_DEVELOPMENT": "1",
        "CONFCHAT_SECRET_KEY": "only-for-tests-" + "0" * 40,
        "DJANGO_SETTINGS_MODULE": "confchat.settings",
    }
    command = [sys.executable, "-m", "tests.attestation.log_writer", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        try:
            writer.wait(pause_s)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
        lines = [first, *writer.stdout.read().splitlines(keepends=True)]
    found = [line.split() for line in lines if line.endswith("\n")]
    assert found, "the writer ended before it signed anything"
    return [(int(size), root) for size, root in found]
