"""Several processes at one entry: a quote is one's own, or none."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from quote_ext import configfs_quote
from quote_ext.errors import DeviceBusyError
from tests.quote_ext.tsm_report import Entry, TsmReports, example_quote

REPORT_DATA = bytes(range(64))
ask = partial(configfs_quote, retry_delay_s=0.001)


def test_write_of_another_process_in_between_is_tried_again(reports: TsmReports, shared_entry: Path) -> None:
    """The other one writes twice, before two of our outblobs are made; the third attempt is undisturbed."""
    others = [b"a" * 64, b"b" * 64]

    def interfere(entry: Entry) -> None:
        if others:
            reports.commit(entry, others.pop())

    reports.before_outblob = interfere
    assert ask(REPORT_DATA, str(shared_entry)) == example_quote(REPORT_DATA)
    assert reports.requests.count(REPORT_DATA) == 3


def test_other_process_that_never_stops_writing_makes_the_device_busy(reports: TsmReports, shared_entry: Path) -> None:
    reports.before_outblob = lambda entry: reports.commit(entry, b"a" * 64)
    with pytest.raises(DeviceBusyError, match="generation") as refused:
        ask(REPORT_DATA, str(shared_entry), attempts=4)
    assert refused.value.status == errno.EBUSY
    assert reports.requests.count(REPORT_DATA) == 4


@pytest.mark.parametrize("hook", ["after_mkdir", "before_outblob"])
def test_created_entry_must_be_at_its_first_generation(reports: TsmReports, tsm: Path, hook: str) -> None:
    """Another process finds the fresh entry and writes into it, before or after our own write."""
    others = [b"a" * 64]

    def interfere(entry: Entry) -> None:
        if others:
            reports.commit(entry, others.pop())

    setattr(reports, hook, interfere)
    assert ask(REPORT_DATA, tsm / "own") == example_quote(REPORT_DATA)
    assert reports.requests.count(REPORT_DATA) == 2


def test_entry_that_its_owner_removes_meanwhile_is_made_anew(reports: TsmReports, tsm: Path) -> None:
    (tsm / "other").mkdir()

    def remove_once(entry: Entry) -> None:
        if "other" in reports.entries and reports.entries["other"] is entry:
            reports.before_outblob = lambda entry: None
            reports.remove("other")

    reports.before_outblob = remove_once
    assert ask(REPORT_DATA, tsm / "other") == example_quote(REPORT_DATA)
    assert reports.requests.count(REPORT_DATA) == 2


def test_many_at_once_through_one_entry_each_get_their_own_quote(reports: TsmReports, tsm: Path) -> None:
    (tsm / "confchat").mkdir()
    wanted = [bytes([number]) * 64 for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        quotes = list(pool.map(lambda report_data: ask(report_data, tsm / "confchat"), wanted))
    assert quotes == [example_quote(report_data) for report_data in wanted]
    assert len(reports.requests) == len(wanted)


def test_writer_that_takes_no_lock_never_gets_its_quote_into_ours(reports: TsmReports, tsm: Path) -> None:
    (tsm / "confchat").mkdir()
    is_over = threading.Event()

    def write_without_lock() -> None:
        while not is_over.wait(0.001):
            fd = os.open(tsm / "confchat" / "inblob", os.O_WRONLY)
            os.write(fd, b"x" * 64)
            os.close(fd)

    writer = threading.Thread(target=write_without_lock)
    writer.start()
    try:
        for number in range(20):
            report_data = bytes([number]) * 64
            assert ask(report_data, tsm / "confchat", attempts=100) == example_quote(report_data)
    finally:
        is_over.set()
        writer.join()
