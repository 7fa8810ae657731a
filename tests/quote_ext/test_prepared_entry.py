"""The entry that root prepares for a service that is not root: used as it stands, by those whom its group lets."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quote_ext import configfs_quote
from quote_ext.errors import DeviceAccessError, DeviceBusyError
from tests.quote_ext.tsm_plain import served
from tests.quote_ext.tsm_report import TsmReports, example_quote

REPORT_DATA = bytes(range(64))
USER, GROUP, OTHER_GROUP = 64001, 64002, 64003
# arch/x86/entry/syscalls/syscall_64.tbl: the kernel changes one thread by them, where libc would change all.
SETGROUPS, SETRESUID, SETRESGID = 116, 117, 119


def as_member_of(group: int, call: Callable[[], bytes]) -> bytes:
    """Return what a call returns, or raise what it raises, in a thread that belongs to nobody but one group."""
    answers: list[bytes] = []
    errors: list[Exception] = []

    def run() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.syscall(SETGROUPS, 0, None) == 0
        assert libc.syscall(SETRESGID, group, group, group) == 0
        assert libc.syscall(SETRESUID, USER, USER, USER) == 0
        try:
            answers.append(call())
        except DeviceAccessError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    if errors:
        raise errors[0]
    return answers[0]


@pytest.fixture
def entry(reports: TsmReports) -> Iterator[Path]:
    """An entry whose `inblob` root gave to a group, under directories that everybody may pass and nobody change."""
    if os.geteuid() != 0:
        pytest.skip("only root can prepare an entry for others: run the tests as root")
    directory = Path(tempfile.mkdtemp(prefix="confchat-entry-"))
    directory.chmod(0o755)
    before = os.umask(0o022)  # what this process set up for itself before may have made it stricter
    try:
        with served(reports, directory / "confchat"):
            os.chown(directory / "confchat" / "inblob", 0, GROUP)
            (directory / "confchat" / "inblob").chmod(0o660)
            yield directory / "confchat"
    finally:
        os.umask(before)
        shutil.rmtree(directory)


def test_service_of_the_group_takes_quotes_and_leaves_the_entry(reports: TsmReports, entry: Path) -> None:
    for number in range(2):
        wanted = bytes([number]) * 64
        assert as_member_of(GROUP, lambda wanted=wanted: configfs_quote(wanted, entry)) == example_quote(wanted)
    assert entry.is_dir()
    assert reports.entries["confchat"].write_generation == 2


def test_whoever_is_not_of_the_group_is_told_which_file_it_may_not_use(reports: TsmReports, entry: Path) -> None:
    with pytest.raises(DeviceAccessError, match="inblob") as refused:
        as_member_of(OTHER_GROUP, lambda: configfs_quote(REPORT_DATA, entry))
    assert refused.value.status == errno.EACCES
    assert reports.requests == []


def test_service_cannot_make_an_entry_of_its_own(entry: Path) -> None:
    with pytest.raises(DeviceAccessError, match="entry") as refused:
        as_member_of(GROUP, lambda: configfs_quote(REPORT_DATA, entry.with_name("own")))
    assert refused.value.status == errno.EACCES


def test_write_of_somebody_else_between_is_noticed(reports: TsmReports, entry: Path) -> None:
    def write_between(_report_data: bytes) -> bytes:
        reports.entries["confchat"].write_generation += 1
        return example_quote(bytes(64))

    reports.quote = write_between
    with pytest.raises(DeviceBusyError, match="generation"):
        configfs_quote(REPORT_DATA, entry, attempts=2, retry_delay_s=0.001)
