"""How fast a model is encrypted and read again, beside the gocryptfs program on the same disk.

usage: python -m benchmarks.encrypt [MiB]     prints one JSON line; needs gocryptfs and /dev/fuse
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from benchmarks.product import report
from confchat.vault.decrypting import decrypt_into
from confchat.vault.encrypting import encrypt_files
from confchat.vault.model_directory import open_model
from confchat.vault.writer import SourceFile
from tests.vault.gocryptfs import initialise, mounted
from tests.vault.scene import ENCRYPTION, KEY, OWNER, OWNER_KEY

MANY_MIB = 2048
MIB = 2**20
ROUNDS = 3


def main(mib: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCHMARK_DIR")) as name:
        directory = Path(name)
        source = directory / "weights.safetensors"
        with source.open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(MIB))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # In turns, so that what else the machine does falls on both; the best of each is what it can do.
        rounds = [(ours(directory, source), theirs(directory, source)) for _ in range(ROUNDS)]
        (encrypt_s, decrypt_s), (write_s, read_s) = (
            tuple(map(min, zip(*times, strict=True))) for times in zip(*rounds, strict=True)
        )
        report(
            mib=mib,
            our_encrypting_mib_s=mib / encrypt_s,
            gocryptfs_writing_mib_s=mib / write_s,
            encrypting_ratio=write_s / encrypt_s,
            our_decrypting_mib_s=mib / decrypt_s,
            gocryptfs_reading_mib_s=mib / read_s,
            decrypting_ratio=read_s / decrypt_s,
            our_memory_mb=(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1e3,
        )


def ours(directory: Path, source: Path) -> tuple[float, float]:
    """Return how long encrypting with a manifest takes, until it is on disk, and decrypting against it."""
    model, plain = directory / "model", directory / "plain"
    sources = [SourceFile(path=PurePosixPath(source.name), file=source)]
    encrypt_s = timed(lambda: encrypt_files(sources, model, encryption=ENCRYPTION, owner=OWNER))
    decrypt_s = timed(lambda: decrypt_into(open_model(model, KEY, owner_key=OWNER_KEY), plain))
    shutil.rmtree(model)
    shutil.rmtree(plain)
    return encrypt_s, decrypt_s


def theirs(directory: Path, source: Path) -> tuple[float, float]:
    """Return how long copying into gocryptfs' mount takes, until it is on disk, and copying out of it."""
    stored, mount, plain = directory / "stored", directory / "mount", directory / "copy"
    initialise(stored, key=KEY)
    copy = ["dd", "bs=1M", "conv=fsync", "status=none"]
    with mounted(stored, key=KEY, at=mount) as at:
        command = [*copy, f"if={source}", f"of={at / source.name}"]
        write_s = timed(lambda: subprocess.run(command, check=True))
    with mounted(stored, key=KEY, at=mount) as at:
        command = ["dd", "bs=1M", "status=none", f"if={at / source.name}", f"of={plain}"]
        read_s = timed(lambda: subprocess.run(command, check=True))
    shutil.rmtree(stored)
    plain.unlink()
    return write_s, read_s


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY_MIB)
