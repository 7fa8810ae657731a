"""Event logs: read as others read them, refused at every truncation, and replayed to registers."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest

from attestation.errors import MalformedError
from attestation.eventlog import (
    EV_EFI_ACTION,
    EV_SEPARATOR,
    MAX_AAEL_BYTES,
    MAX_CCEL_BYTES,
    Event,
    application_event,
    build_ccel,
    join_logs,
    parse_aael,
    parse_ccel,
    parse_event_log,
    replay,
    trim_ccel,
    write_aael,
)
from attestation.eventlog_words import list_events

# RTMR0 to RTMR3 of the published logs, as Trustee's own tests and an independent parser replay them.
PUBLISHED = {
    "CCEL_AAEL_alibabacloud": ("b796e1c1", "3b0b9061", "35f28013", "5e4ecd49"),
    "CCEL_data_ovmf": ("8566f998", "775b9f6b", "94eaf7a7", "00000000"),
}


def event(data: bytes, *, register: int = 0, kind: int = EV_EFI_ACTION) -> Event:
    return Event(register=register, type=kind, digest=hashlib.sha384(data).digest(), data=data)


EVENTS = (event(b"\x00\x00\x00\x00", kind=EV_SEPARATOR), event(b"Calling EFI Application", register=1))
LINES = ('confchat model {"name":"smollm2:135m"}', "coco.com some-operation some content")


def test_events_are_listed_in_words_under_their_registers() -> None:
    listed = list_events(build_ccel(EVENTS), write_aael(bytes(48), LINES))
    assert [register for register, _ in listed] == [
        *(f"RTMR{event.register}" for event in EVENTS),
        *(["RTMR3"] * len(LINES)),
    ]
    assert [text for _, text in listed[-len(LINES) :]] == list(LINES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_logs_are_read_as_their_index_says(name: str, shared_vectors: Path) -> None:
    events = parse_ccel((shared_vectors / "eventlog" / name).read_bytes())
    index = json.loads((shared_vectors / "eventlog" / f"{name}_out.json").read_text())["uefi_event_logs"]
    assert [(item.register + 1, item.digest.hex(), item.data) for item in events] == [
        (item["index"], item["digests"][0]["digest"], b64decode(item["event"])) for item in index
    ]
    assert not any(item.is_changed for item in events)
    assert tuple(register.hex()[:8] for register in replay(events)) == PUBLISHED[name]


def test_the_applications_events_of_a_published_log_are_made_alike_here(shared_vectors: Path) -> None:
    events = parse_ccel((shared_vectors / "eventlog" / "CCEL_AAEL_alibabacloud").read_bytes())
    lines = [item.line for item in events if item.line is not None]
    assert lines[0] == "coco.com some-operation some-content"
    assert tuple(application_event(line) for line in lines) == events[-2:]


def test_a_log_written_here_reads_as_it_was() -> None:
    log = build_ccel(EVENTS)
    assert parse_ccel(log) == EVENTS
    assert parse_ccel(log + b"\xff" * 500) == EVENTS
    assert trim_ccel(log + b"\xff" * 500) == log


def test_every_truncation_is_refused_or_replays_to_other_registers() -> None:
    log = build_ccel(EVENTS)
    whole = replay(EVENTS)
    for size in range(len(log)):
        try:
            shorter = parse_ccel(log[:size])
        except MalformedError:
            continue
        assert replay(shorter) != whole
    text = write_aael(bytes(48), LINES)
    for size in range(len(text)):
        try:
            _, events = parse_aael(text[:size])
        except MalformedError:
            continue
        assert len(events) < len(LINES)


def test_application_events_follow_the_boot_s_in_rtmr3() -> None:
    log = parse_event_log(build_ccel(EVENTS), write_aael(bytes(48), LINES))
    assert [item.line for item in log.application] == list(LINES)
    assert log.is_continuous
    rtmr3 = bytes(48)
    for line in LINES:
        data = b"LEAA" + len(line).to_bytes(4, "little") + line.encode()
        rtmr3 = hashlib.sha384(rtmr3 + hashlib.sha384(data).digest()).digest()
    assert log.registers() == (*replay(EVENTS)[:3], rtmr3)


def test_an_application_s_log_that_begins_elsewhere_is_not_continuous() -> None:
    assert not parse_event_log(None, write_aael(b"\x01" * 48, LINES)).is_continuous
    before = application_event("coco.com started first")
    after = write_aael(replay([before])[3], LINES)
    assert parse_event_log(build_ccel([before]), after).is_continuous
    assert not parse_event_log(None, after).is_continuous


def test_both_logs_become_one_for_other_verifiers() -> None:
    joined = join_logs(build_ccel(EVENTS) + b"\xff" * 9, write_aael(bytes(48), LINES))
    assert parse_ccel(joined) == (*EVENTS, *(application_event(line) for line in LINES))


def test_an_event_that_was_changed_can_be_told_where_its_digest_is_of_itself() -> None:
    assert replace(EVENTS[1], data=b"Calling EFI Applications").is_changed
    assert not event(b"a kernel is measured elsewhere", kind=0xD).is_changed
    line = application_event(LINES[0])
    assert replace(line, data=line.data.replace(b"135m", b"136m")).is_changed


def test_what_is_no_log_is_refused() -> None:
    log = build_ccel(EVENTS)
    line = application_event(LINES[0])
    for data in (
        b"",
        log + b"\xff\xff\xff\xff\x00",
        log + b"\xff\xff",
        log[:4] + b"\x04" + log[5:],
        log[:32] + b"spec" + log[36:],
        log.replace(b"\x0c\x00\x30\x00", b"\x0b\x00\x30\x00"),
        build_ccel([event(b"", register=-1)]),
        build_ccel([event(b"", register=4)]),
        build_ccel([replace(line, register=2)]),
        build_ccel([replace(line, data=line.data + b"\n")]),
        build_ccel([replace(line, data=line.data[:-1])]),
        build_ccel([replace(line, data=b"LEAA\x05\x00\x00\x00a b \xff")]),
        log + b"\xff" * MAX_CCEL_BYTES,
    ):
        with pytest.raises(MalformedError):
            parse_ccel(data)
    start = "INIT sha384/" + "0" * 96 + "\n"
    for text in (
        "",
        start[:-1],
        start.upper(),
        "a b c\n",
        start + "two words\n",
        start + "a b c",
        start + "a b \tc\n",
        start + "a b c\n\n",
        start + "a b " + "c" * MAX_AAEL_BYTES + "\n",
        start + "a b c\n" * 4097,
    ):
        with pytest.raises(MalformedError):
            parse_event_log(None, text)
