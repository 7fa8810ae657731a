"""How the simulated TD starts: what its firmware, boot loader and kernel measure, and the log that they leave."""

from __future__ import annotations

import hashlib
import struct
import uuid

from attestation.eventlog import (
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_IPL,
    EV_SEPARATOR,
    Event,
)

RELEASE, OTHER_RELEASE = "the release", "another release"

# EFI_GLOBAL_VARIABLE (UEFI 2.10, section 3.3).
_GLOBAL_VARIABLE = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le


def measure(label: str) -> bytes:
    """Return a made-up 48-byte measurement that belongs to a label."""
    return hashlib.sha384(f"SIMULATED {label}".encode()).digest()


def boot_events(release: str) -> tuple[Event, ...]:
    """Return what the start of a TD from `release` extends RTMR0 to RTMR2 with; only its kernel is another's."""
    return (
        _of_itself(0, EV_EFI_VARIABLE_DRIVER_CONFIG, _variable("SecureBoot", b"\x01")),
        _of_itself(0, EV_SEPARATOR, bytes(4)),
        _of_elsewhere(1, EV_EFI_BOOT_SERVICES_APPLICATION, "the boot loader", b"SIMULATED boot loader"),
        _of_itself(1, EV_EFI_ACTION, b"Exit Boot Services Returned with Success"),
        _of_elsewhere(2, EV_IPL, "the command line", b"grub_kernel_cmdline SIMULATED\0"),
        _of_elsewhere(2, EV_IPL, f"the kernel of {release}", b"grub_linuxefi Kernel\0"),
        _of_elsewhere(2, EV_IPL, "the initrd", b"grub_linuxefi Initrd\0"),
    )


def _of_itself(register: int, kind: int, data: bytes) -> Event:
    return Event(register=register, type=kind, digest=hashlib.sha384(data).digest(), data=data)


def _of_elsewhere(register: int, kind: int, label: str, data: bytes) -> Event:
    return Event(register=register, type=kind, digest=measure(label), data=data)


def _variable(name: str, value: bytes) -> bytes:
    """Return UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile 1.06, section 10.4.1)."""
    return _GLOBAL_VARIABLE + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value
