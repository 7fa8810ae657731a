"""Event logs: what a machine says that it extended its registers with, parsed, and replayed to RTMR0-3.

Two logs belong to one machine. The CCEL is the firmware's and the kernel's, in TCG's crypto-agile form (TCG PC Client
Platform Firmware Profile 1.06, section 10; ACPI 6.5, table CCEL): measurement register 1 to 4 is RTMR0 to RTMR3. The
AAEL is the application's, text: `INIT sha384/<RTMR3 where it begins, 96 hex digits>`, then a line for each event,
`<domain> <operation> <content>`. What RTMR3 is extended with is SHA-384 of the event as a CCEL carries it: the tag
`AAEL`, the line's length, the line. Pure; a log proves nothing until its replay equals the registers of a quote.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from attestation.errors import MalformedError

DIGEST_SIZE = 48
REGISTER_COUNT = 4
APPLICATION_REGISTER = 3
MAX_CCEL_BYTES = 256 * 1024
MAX_AAEL_BYTES = 128 * 1024
MAX_EVENTS = 4096

# Event types (TCG PC Client Platform Firmware Profile 1.06, table 27).
EV_NO_ACTION = 0x3
EV_SEPARATOR = 0x4
EV_EVENT_TAG = 0x6
EV_IPL = 0xD
EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001
EV_EFI_VARIABLE_BOOT = 0x80000002
EV_EFI_BOOT_SERVICES_APPLICATION = 0x80000003
EV_EFI_GPT_EVENT = 0x80000006
EV_EFI_ACTION = 0x80000007
EV_EFI_VARIABLE_AUTHORITY = 0x800000E0
# Types whose digest is over the event itself, so that a changed event can be named; others measure what is elsewhere.
SELF_DESCRIBING = frozenset(
    {
        *(EV_SEPARATOR, EV_EFI_ACTION, EV_EFI_GPT_EVENT),
        *(EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_AUTHORITY),
    }
)

AAEL_TAG = struct.pack("<I", 0x4141454C)
_SHA384 = 0x000C
_SIGNATURE = b"Spec ID Event03\0"
_PADDING = 0xFFFFFFFF
_INIT = re.compile(r"INIT sha384/([0-9a-f]{96})\Z")
_LINE = re.compile(r"[!-~]+ [!-~]+ [^\x00-\x1f\x7f]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One extension: `register` 0 to 3 for RTMR0 to RTMR3, TCG's type, SHA-384, and the event's own bytes."""

    register: int
    type: int
    digest: bytes
    data: bytes

    @property
    def line(self) -> str | None:
        """Return an application's event as its line; None for any other event."""
        if self.type != EV_EVENT_TAG or not self.data.startswith(AAEL_TAG):
            return None
        return self.data[8:].decode()

    @property
    def is_changed(self) -> bool:
        """Say whether the event is not the one that its digest was made of, as far as that can be told from it."""
        is_own = self.type in SELF_DESCRIBING or self.line is not None
        return is_own and hashlib.sha384(self.data).digest() != self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """Both logs of a machine. `init` is what the application's log says RTMR3 was before it began, or None."""

    boot: tuple[Event, ...]
    application: tuple[Event, ...]
    init: bytes | None

    @property
    def events(self) -> tuple[Event, ...]:
        """Return every event, in the order in which each register was extended."""
        return self.boot + self.application

    @property
    def is_continuous(self) -> bool:
        """Say whether the application's log begins where the boot's log leaves RTMR3."""
        return self.init is None or self.init == replay(self.boot)[APPLICATION_REGISTER]

    @property
    def measures_applications(self) -> bool:
        """Say whether something was extended after the kernel's start."""
        return any(event.register == APPLICATION_REGISTER for event in self.events)

    @property
    def covered(self) -> range:
        """Return the registers that the logs speak of: an absent log explains none."""
        speaks_of_rtmr3 = self.init is not None or self.measures_applications
        return range(0 if self.boot else APPLICATION_REGISTER, REGISTER_COUNT if speaks_of_rtmr3 else 3)

    def registers(self) -> tuple[bytes, ...]:
        """Return what RTMR0 to RTMR3 are after these events."""
        return replay(self.events)


def replay(events: Iterable[Event]) -> tuple[bytes, ...]:
    """Return RTMR0 to RTMR3, each SHA-384(register || digest) for each of its events, from zeros."""
    registers = [bytes(DIGEST_SIZE)] * REGISTER_COUNT
    for event in events:
        registers[event.register] = extend(registers[event.register], event.digest)
    return tuple(registers)


def extend(register: bytes, digest: bytes) -> bytes:
    """Return a register (48 bytes) after one extension (Intel TDX Module ABI, TDG.MR.RTMR.EXTEND)."""
    return hashlib.sha384(register + digest).digest()


def parse_event_log(ccel: bytes | None, aael: str | None) -> EventLog:
    """Parse what evidence carries; an absent log has no events.

    Raises:
        MalformedError: one of them is too large, cut short, or not of its form.
    """
    init, application = (None, ()) if aael is None else parse_aael(aael)
    boot = () if ccel is None else parse_ccel(ccel)
    if len(boot) + len(application) > MAX_EVENTS:
        raise MalformedError("too many events")
    return EventLog(boot=boot, application=application, init=init)


def parse_aael(text: str) -> tuple[bytes, tuple[Event, ...]]:
    """Return what RTMR3 was before the log, and its events.

    Raises:
        MalformedError: too large, cut short, or not of its form.
    """
    first, *lines = text.split("\n")
    init = _INIT.match(first)
    if len(text.encode()) > MAX_AAEL_BYTES or init is None or not lines or lines.pop():
        raise MalformedError("not an application's event log")
    return bytes.fromhex(init[1]), tuple(application_event(line) for line in lines)


def write_aael(init: bytes, lines: Sequence[str]) -> str:
    """Return the text of a log that begins where RTMR3 is `init`; each line is one that `application_event` takes."""
    return "".join(f"{line}\n" for line in (f"INIT sha384/{init.hex()}", *lines))


def application_event(line: str) -> Event:
    """Return the event of one line, `<domain> <operation> <content>`.

    Raises:
        MalformedError: it has another form, or holds control characters.
    """
    if not _LINE.match(line):
        raise MalformedError("an event of an application is not of its form")
    text = line.encode()
    data = AAEL_TAG + struct.pack("<I", len(text)) + text
    digest = hashlib.sha384(data).digest()
    return Event(register=APPLICATION_REGISTER, type=EV_EVENT_TAG, digest=digest, data=data)


def parse_ccel(data: bytes) -> tuple[Event, ...]:
    """Return the events of a CCEL that extend a register; what pads the log's area is left alone.

    Raises:
        MalformedError: too large, cut short, without SHA-384, or not of TCG's crypto-agile form.
    """
    if len(data) > MAX_CCEL_BYTES:
        raise MalformedError("the event log is too large")
    reader = _Reader(data)
    sizes = _parse_header(reader)
    events: list[Event] = []
    while not reader.is_padding():
        event = _parse_event(reader, sizes)
        if event.type != EV_NO_ACTION:
            events.append(_known(event))
    if len(events) > MAX_EVENTS:
        raise MalformedError("too many events")
    return tuple(events)


def trim_ccel(data: bytes) -> bytes:
    """Return a CCEL without the padding of its area. Raises `MalformedError` as `parse_ccel` does."""
    reader = _Reader(data)
    sizes = _parse_header(reader)
    while not reader.is_padding():
        _parse_event(reader, sizes)
    return data[: reader.at]


def build_ccel(events: Iterable[Event]) -> bytes:
    """Return events as a CCEL: what the simulated firmware hands over, and what other verifiers read."""
    header = struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, _SHA384, DIGEST_SIZE, 0)
    specification = _SIGNATURE + header
    first = struct.pack("<II20sI", 1, EV_NO_ACTION, bytes(20), len(specification)) + specification
    return first + b"".join(_write_event(event) for event in events)


def join_logs(ccel: bytes, aael: str | None) -> bytes:
    """Return one CCEL with the application's events behind the boot's, as attestation services take it.

    Raises:
        MalformedError: one of the logs is not of its form.
    """
    application = () if aael is None else parse_aael(aael)[1]
    return trim_ccel(ccel) + b"".join(_write_event(event) for event in application)


def _write_event(event: Event) -> bytes:
    head = struct.pack("<IIIH", event.register + 1, event.type, 1, _SHA384)
    return head + event.digest + struct.pack("<I", len(event.data)) + event.data


class _Reader:
    """Bytes read once from the front; whoever asks for more than there is gets `MalformedError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        part = self._data[self.at : self.at + size]
        if len(part) != size:
            raise MalformedError("the event log ends too early")
        self.at += size
        return part

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def is_padding(self) -> bool:
        """Say whether no event follows: the end, or padding, which is nothing but 0xFF."""
        rest = self._data[self.at : self.at + 4]
        if rest == struct.pack("<I", _PADDING):
            if self._data.count(b"\xff", self.at) != len(self._data) - self.at:
                raise MalformedError("something follows the end of the event log")
            return True
        return not rest


def _parse_header(reader: _Reader) -> dict[int, int]:
    """Read the first event, which names the algorithms (TCG_EfiSpecIDEvent); return their digests' sizes."""
    _register, kind, *_ = reader.numbers("<II20B")
    header = _Reader(reader.take(*reader.numbers("<I")))
    if kind != EV_NO_ACTION or header.take(len(_SIGNATURE)) != _SIGNATURE:
        raise MalformedError("not a log in the crypto-agile form")
    *_, count = header.numbers("<IBBBBI")
    sizes = dict[int, int](_pairs(header, count))
    header.take(*header.numbers("<B"))
    if sizes.get(_SHA384) != DIGEST_SIZE or not header.is_padding():
        raise MalformedError("the event log has no SHA-384, or its header is not of its form")
    return sizes


def _pairs(header: _Reader, count: int) -> Iterator[tuple[int, int]]:
    for _ in range(count):
        algorithm, size = header.numbers("<HH")
        yield algorithm, size


def _parse_event(reader: _Reader, sizes: dict[int, int]) -> Event:
    register, kind, count = reader.numbers("<III")
    if count > len(sizes):
        raise MalformedError("an event has more digests than there are algorithms")
    digests: dict[int, bytes] = {}
    for _ in range(count):
        (algorithm,) = reader.numbers("<H")
        if algorithm not in sizes or algorithm in digests:
            raise MalformedError("an event has a digest of an unknown algorithm")
        digests[algorithm] = reader.take(sizes[algorithm])
    data = reader.take(*reader.numbers("<I"))
    return Event(register=register - 1, type=kind, digest=digests.get(_SHA384, b""), data=data)


def _known(event: Event) -> Event:
    """Return an event that extends a register with SHA-384; an application's is a line of its form."""
    if not 0 <= event.register < REGISTER_COUNT or len(event.digest) != DIGEST_SIZE:
        raise MalformedError("an event extends no register, or not with SHA-384")
    if event.type == EV_EVENT_TAG and event.data.startswith(AAEL_TAG):
        try:
            line = event.data[8:].decode()
        except UnicodeDecodeError as error:
            raise MalformedError("an event of an application is not text") from error
        if event.register != APPLICATION_REGISTER or application_event(line).data != event.data:
            raise MalformedError("an event of an application is not of its form")
    return event
