"""The story that docs/encrypted-models.md tells of an encrypted model is true, from its encryption to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.product import ROOT, free_port, inherited_environment

LIMIT_S = 280


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs /dev/shm: a model is opened in memory")
@pytest.mark.timeout(LIMIT_S + 20)
def test_the_story_of_an_encrypted_model_to_its_end(model_directory: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:  # sockets lie in it, whose paths must be short
        environment = {
            **inherited_environment(),
            "PYTHON": sys.executable,
            "PLAIN": str(model_directory),
            "BROKER_PORT": str(free_port()),
            "PORT": str(free_port()),
            "TMPDIR": directory,
        }
        command = ["sh", "deploy/encrypted_model_story.sh", "revoke-later"]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as story:
            try:
                told, _ = story.communicate(timeout=LIMIT_S)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(story.pid, signal.SIGTERM)
        assert list(Path(directory).iterdir()) == [], "it leaves something behind"
    assert story.returncode == 3, told
    parts = ("Verified: every check holds, model smollm2:135m", "pass: td.workload", 'model opened {"broker"')
    assert [part for part in parts if part not in told] == [], told
    assert '"state": "locked"' in told
    assert "this machine's attestation failed" in told
    assert told.rstrip().endswith("It was locked again, as it should.")
