"""Secrets in memory: locked, left out of dumps and children, and gone when they are done with."""

from __future__ import annotations

import copy
import ctypes
import pickle
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from attestation.kbs import Secret


def flags_of(secret: Secret) -> set[str]:
    """Return the kernel's flags of the pages that a secret lies in."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(secret.view))
    is_there = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        area = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        if area:
            is_there = int(area[1], 16) <= address < int(area[2], 16)
        elif is_there and line.startswith("VmFlags:"):
            return set(line.split()[1:])
    raise AssertionError("the pages are nowhere")


def test_its_pages_are_locked_and_left_out_of_dumps_and_children() -> None:
    secret = Secret(32)
    # proc(5): locked, not in dumps, not copied on fork.
    assert {"lo", "dd", "dc"} <= flags_of(secret)
    secret.wipe()


def test_it_is_overwritten_before_its_memory_is_given_back() -> None:
    secret = Secret(12)
    secret.view[:] = b"alibaba@1688"
    held = secret.view[4:]
    with secret:
        assert bytes(secret.view) == b"alibaba@1688"
    assert bytes(held) == bytes(8)
    assert secret.is_wiped
    with pytest.raises(ValueError, match="wiped"):
        bytes(secret.view)
    secret.wipe()


def test_it_says_nothing_and_is_not_copied() -> None:
    secret = Secret(6)
    secret.view[:] = b"canary"
    assert "canary" not in f"{secret!r}{secret!s}"
    assert len(secret) == 6
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            way(secret)


@pytest.mark.parametrize("size", [0, -1, 2 * 1024 * 1024])
def test_it_has_a_size_that_can_be_locked(size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Secret(size)


def test_memory_that_cannot_be_locked_is_refused_with_advice() -> None:
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))\n"
        "from attestation.kbs.secret import Secret\n"
        "from attestation.errors import ConfigurationError\n"
        "try:\n    Secret(32)\nexcept ConfigurationError as error:\n    print(error)\n"
    )
    # Root may lock what it likes, unless it gives that right away.
    without = ["setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", "--"]
    command = [*without, sys.executable, "-c", program]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    if ran.returncode != 0 and "setpriv" in ran.stderr:
        pytest.skip("setpriv (util-linux) cannot take rights away here")
    assert "LimitMEMLOCK" in ran.stdout, ran.stderr
    assert resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != 0
