"""An encrypted model opened where no disk sees it: mounted by gocryptfs, or decrypted into memory. And closed again.

The key goes to gocryptfs through a pipe: it is in no file, argument, environment or log.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from attestation.kbs import Secret
from confchat.vault.decrypting import decrypt_into
from confchat.vault.errors import DamagedError, SourceError, StorageError, WrongKeyError
from confchat.vault.keys import parse_key
from confchat.vault.manifest import CONTENTS_NAME, Manifest
from confchat.vault.reader import open_vault
from confchat.vault.stored import StoredFiles

Way = Literal["mount", "decrypt"]
Show = Callable[[int, int], None]

GOCRYPTFS, FUSERMOUNT = "gocryptfs", "fusermount3"
FUSE_DEVICE, FUSE_SETTINGS = Path("/dev/fuse"), Path("/etc/fuse.conf")
MOUNTED_AS = "fuse.gocryptfs"
# Of gocryptfs' exit codes (internal/exitcodes) the one that says whose fault it is.
_WRONG_PASSWORD = 12
_NEW_LINE = 0x0A
_MOUNT_TIMEOUT_S = 60.0
_PIECE_BYTES = 1024 * 1024
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def can_mount() -> bool:
    """Say whether gocryptfs and FUSE are here."""
    has_programs = shutil.which(GOCRYPTFS) is not None and shutil.which(FUSERMOUNT) is not None
    return has_programs and os.access(FUSE_DEVICE, os.R_OK | os.W_OK)


def is_open(target: Path) -> bool:
    """Say whether something is open at a place."""
    try:
        return any(target.iterdir())
    except OSError:
        return False


def check_stored(source: Path, manifest: Manifest, *, show: Show) -> None:
    """Hash every stored file and hold it to the manifest; a file that the manifest does not name is refused, too.

    Raises:
        DamagedError, StorageError: says which file.
    """
    contents = source / CONTENTS_NAME
    for directory, _, names in os.walk(contents):
        for name in names:
            path = (Path(directory) / name).relative_to(contents).as_posix()
            if path not in manifest.files:
                raise DamagedError(f"{path} is not in the manifest.")
    files, done = StoredFiles(contents, manifest=manifest), 0
    for path in manifest.files:
        for piece in files.pieces(path, at_once=_PIECE_BYTES):
            done += len(piece)
            show(done, manifest.total_bytes)
    files.check_complete()


def mount_model(source: Path, target: Path, secret: Secret) -> None:
    """Mount an encrypted model read-only. What is stored must have been checked.

    Raises:
        SourceError: the target is in use.
        WrongKeyError: gocryptfs says that the key is not the one.
        StorageError: it cannot be mounted.
    """
    _require_empty(target)
    others = ["-allow_other"] if _may_share() else []
    command = [GOCRYPTFS, "-ro", "-q", "-nosyslog", *others, str(source / CONTENTS_NAME), str(target)]
    try:
        process = subprocess.Popen(  # fixed words and two checked paths
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert process.stdin is not None  # noqa: S101  # PIPE
        with process.stdin as pipe:
            pipe.write(secret.view)
            if secret.view[-1] != _NEW_LINE:
                pipe.write(b"\n")
        code = process.wait(_MOUNT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError(f"{GOCRYPTFS} could not be run, or did not end.") from error
    if code == _WRONG_PASSWORD:
        raise WrongKeyError("The key does not open this directory: it is another model's key.")
    if code != 0:
        raise StorageError(f"{GOCRYPTFS} did not mount {target} (exit code {code}).")


def _may_share() -> bool:
    """Say whether other users, such as a model server's, can be let into a mount of this one (mount.fuse3(8))."""
    if os.geteuid() == 0:
        return True
    try:
        return "user_allow_other" in FUSE_SETTINGS.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return False


def decrypt_model(source: Path, target: Path, secret: Secret, manifest: Manifest, *, show: Show) -> None:
    """Decrypt a model into memory, or into an encrypted file system; each file is held to the manifest as it is read.

    Raises:
        SourceError: the target is in use, or no place that no disk sees.
        VaultError: as `open_vault` and `decrypt_into`; nothing stays then.
    """
    _require_empty(target)
    require_private(target, needed=manifest.total_bytes)
    # Under the manifest that was checked, and not under what lies there by now.
    vault = open_vault(source / CONTENTS_NAME, parse_key(bytes(secret.view)), manifest=manifest)
    decrypt_into(vault, target, show=show)


def close_model(target: Path, *, was: Way) -> None:
    """Unmount a model, or remove what was decrypted; what still has it open keeps what it has read.

    Raises:
        StorageError: it cannot be done.
    """
    if file_system_of(target) == MOUNTED_AS:
        # Lazily: a model server that still has it open must not keep it in sight.
        result = subprocess.run([FUSERMOUNT, "-u", "-z", str(target)], check=False, capture_output=True)
        if result.returncode != 0:
            raise StorageError(f"{target} could not be unmounted.")
    elif was == "decrypt":
        require_private(target, needed=0)
        try:
            for path in target.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise StorageError(f"{target} could not be emptied: {error.strerror}.") from error


def require_private(target: Path, *, needed: int) -> None:
    """Refuse a place from which a byte could come to a disk in clear, or that is too small.

    Raises:
        SourceError: says why.
    """
    kind = file_system_of(target)
    if kind in _IN_MEMORY:
        if kind == "tmpfs" and len(Path("/proc/swaps").read_text("utf-8").splitlines()) > 1:
            raise SourceError("This machine swaps: what is decrypted into memory could come to a disk. swapoff -a")
    elif not _is_encrypted(target):
        raise SourceError(f"{target} is on a disk ({kind}): a model is decrypted into tmpfs or dm-crypt alone.")
    status = os.statvfs(target)
    free = status.f_bavail * status.f_frsize
    if needed > free and kind != "ramfs":
        raise SourceError(f"{target} has {free} bytes free, and the model needs {needed}.")


def file_system_of(path: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the kind of the file system that a path is on (proc(5), mountinfo)."""
    found, length = "", -1
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        fields = line.split(" ")
        point = Path(fields[4].encode().decode("unicode_escape", "replace"))
        if path.absolute().is_relative_to(point) and len(point.parts) >= length:
            found, length = fields[fields.index("-") + 1], len(point.parts)
    return found


def _is_encrypted(path: Path) -> bool:
    device = path.stat().st_dev
    uuid = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/dm/uuid")
    try:
        return uuid.read_text("ascii").startswith("CRYPT-")
    except (OSError, UnicodeError):
        return False


def _require_empty(target: Path) -> None:
    try:
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise SourceError(f"{target} is not empty: something is open there already.")
    except OSError as error:
        raise StorageError(f"{target} cannot be used: {error.strerror}.") from error
