"""Alibaba's packager of its "Sam" format, driven where its owner has installed it. The format is not public.

    do_content_packager.sh <directory> <key: 4 to 128 bytes> <key id: 8 to 48 bytes>     writes ./<key id>/

Nothing is known here of what it writes, nor of how strong that is: its output is hashed, signed and carried like any
other encrypted model, and never opened. Its key stands in the process list while it runs: it takes it no other way.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from confchat.vault.encrypting import Owner, write_manifest
from confchat.vault.errors import KeyRefusedError, SourceError, StorageError
from confchat.vault.manifest import CONTENTS_NAME, StoredFile

TIME_LIMIT_S = 24 * 3600
_KEY_SIZES, _KEY_ID_SIZES = range(4, 129), range(8, 49)
# It is a shell script of unknown quoting: only signs that mean nothing to a shell, and no option by mistake.
_KEY_FORM = re.compile(rb"[A-Za-z0-9_@%+=:,.][A-Za-z0-9_@%+=:,.-]*")
_KEY_ID_FORM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SAID_AT_MOST = 500


def package(source: Path, directory: Path, *, packager: Path, key: bytes, key_id: str, owner: Owner) -> int:
    """Have a directory packaged into a new one with a signed manifest; return how many files came out.

    Raises:
        SourceError: no packager, no directory, or a key id that it does not take.
        KeyRefusedError: a key that it does not take.
        StorageError: it failed, or wrote nothing where it should.
    """
    check_arguments(source, key=key, key_id=key_id)
    if not packager.is_file():
        raise SourceError(f"There is no packager at {packager}: Alibaba's RAI_SAM_SDK is not part of ConfChat.")
    if directory.exists():
        raise SourceError(f"{directory} is there already: name a new directory.")
    try:
        with tempfile.TemporaryDirectory(dir=directory.absolute().parent, prefix=".packaging") as work:
            _run([str(packager.absolute()), str(source.absolute()), key.decode("ascii"), key_id], cwd=work, key=key)
            _check_output(Path(work) / key_id)
            directory.mkdir()
            (Path(work) / key_id).rename(directory / CONTENTS_NAME)
        files = [
            _describe(path, directory / CONTENTS_NAME)
            for path in (directory / CONTENTS_NAME).rglob("*")
            if path.is_file()
        ]
        write_manifest(directory, files, kind="sam", owner=owner)
    except OSError as error:
        raise StorageError(f"{error.filename or directory}: {error.strerror}.") from error
    return len(files)


def check_arguments(source: Path, *, key: bytes, key_id: str) -> None:
    """Refuse what the packager does not take, or what its shell could take for something else.

    Raises:
        SourceError, KeyRefusedError: say which and why.
    """
    if not source.is_dir():
        raise SourceError(f"{source} is not a directory.")
    if len(key) not in _KEY_SIZES:
        raise KeyRefusedError("The packager takes keys of 4 to 128 bytes.")
    if not _KEY_FORM.fullmatch(key):
        raise KeyRefusedError("The packager is a shell script: its key may have letters, digits and _@%+=:,.- alone.")
    if len(key_id) not in _KEY_ID_SIZES or not _KEY_ID_FORM.fullmatch(key_id):
        raise SourceError("The key id has 8 to 48 letters, digits, dots, dashes and underscores.")


def _run(command: list[str], *, cwd: str, key: bytes) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # Without the cause, whose text has the whole command in it.
        raise StorageError("The packager did not end within a day.") from None
    if done.returncode:
        said = done.stdout.replace(key, b"(the key)")[-_SAID_AT_MOST:].decode("utf-8", "replace").strip()
        raise StorageError(f"The packager ended with {done.returncode}: {said!r}")


def _check_output(output: Path) -> None:
    if not output.is_dir() or output.is_symlink() or not any(output.iterdir()):
        raise StorageError(f"The packager wrote no directory {output.name}, or nothing into it.")
    for path in output.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise StorageError(f"The packager wrote {path.name}, which is not a file.")


def _describe(path: Path, contents: Path) -> StoredFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StoredFile(path=path.relative_to(contents).as_posix(), size=path.stat().st_size, sha256=digest)
