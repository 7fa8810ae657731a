"""Events under the names that people look for: what each is about, and which register it extends."""

from __future__ import annotations

import struct

from attestation.eventlog import (
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_EVENT_TAG,
    Event,
    parse_event_log,
)

# TCG PC Client Platform Firmware Profile 1.06, table 27.
TYPE_NAMES = {
    0x00000001: "EV_POST_CODE",
    0x00000004: "EV_SEPARATOR",
    0x00000005: "EV_ACTION",
    0x00000006: "EV_EVENT_TAG",
    0x00000008: "EV_S_CRTM_VERSION",
    0x0000000A: "EV_PLATFORM_CONFIG_FLAGS",
    0x0000000D: "EV_IPL",
    0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    0x80000002: "EV_EFI_VARIABLE_BOOT",
    0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
    0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
    0x80000006: "EV_EFI_GPT_EVENT",
    0x80000007: "EV_EFI_ACTION",
    0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    0x80000009: "EV_EFI_HANDOFF_TABLES",
    0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    0x8000000B: "EV_EFI_HANDOFF_TABLES2",
    0x8000000C: "EV_EFI_VARIABLE_BOOT2",
    0x800000E0: "EV_EFI_VARIABLE_AUTHORITY",
}
_VARIABLES = (EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_BOOT, EV_EFI_VARIABLE_AUTHORITY)
# TCG_PCClientTaggedEvent: id and size stand before the content.
_TAG_SIZE = 8
MOST_CHARACTERS = 160


def describe_event(event: Event) -> str:
    """Return an event in one line: an application's as it stands, others under TCG's name and what they name."""
    if event.line is not None:
        return event.line
    name = TYPE_NAMES.get(event.type, f"0x{event.type:08x}")
    about = _about(event)
    return f"{name} · {about}" if about else name


def list_events(ccel: bytes | None, aael: str | None) -> tuple[tuple[str, str], ...]:
    """Return register and description of every event, in their order. Raises `MalformedError`."""
    return tuple((register_name(event), describe_event(event)) for event in parse_event_log(ccel, aael).events)


def register_name(event: Event) -> str:
    """Return the register that an event extends, `RTMR0` to `RTMR3`."""
    return f"RTMR{event.register}"


def _about(event: Event) -> str:
    if event.type in _VARIABLES:
        return _variable_name(event.data)
    data = event.data[_TAG_SIZE:] if event.type == EV_EVENT_TAG else event.data
    text = data.rstrip(b"\0").decode("latin-1")
    return text[:MOST_CHARACTERS] if text.isascii() and text.isprintable() else ""


def _variable_name(data: bytes) -> str:
    """Return the name in UEFI_VARIABLE_DATA (profile 1.06, section 10.4.1), nothing where there is none."""
    if len(data) < 32:
        return ""
    (length,) = struct.unpack_from("<Q", data, 16)
    raw = data[32 : 32 + 2 * min(length, MOST_CHARACTERS)]
    text = raw.decode("utf-16-le", "replace")
    return text if text.isprintable() else ""
