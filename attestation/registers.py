"""What a machine measured, as one value: its registers under their names, and how two such values differ in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attestation.quote import Quote
from attestation.reference_values import Measurements
from attestation.words import gettext_noop


@dataclass(frozen=True, slots=True)
class Register:
    """One register: its field in a quote, the specification's name, and what a change of it means."""

    field: str
    name: str
    meaning: str


REGISTERS = (
    Register("mr_td", "MRTD", gettext_noop("the firmware that the machine starts with")),
    Register("rtmr0", "RTMR0", gettext_noop("the firmware's settings and the virtual hardware")),
    Register("rtmr1", "RTMR1", gettext_noop("the boot loader and the kernel")),
    Register("rtmr2", "RTMR2", gettext_noop("the kernel's command line and first file system")),
    Register("rtmr3", "RTMR3", gettext_noop("what was started later: the application and its files")),
    Register("mr_seam", "MRSEAM", gettext_noop("Intel's module that guards the machine")),
    Register("td_attributes", "TD_ATTRIBUTES", gettext_noop("the machine's mode, such as debug or migration")),
    Register("xfam", "XFAM", gettext_noop("the processor features that are switched on")),
    Register("mr_config_id", "MRCONFIGID", gettext_noop("the configuration that the operator named")),
    Register("mr_owner", "MROWNER", gettext_noop("the owner that the operator named")),
    Register("mr_owner_config", "MROWNERCONFIG", gettext_noop("the owner's configuration")),
)


def registers_of(quote: Quote) -> dict[str, str]:
    """Return the registers of a quote by field, in lower-case hex; the order is always the same."""
    return {register.field: getattr(quote.report, register.field).hex() for register in REGISTERS}


def changed_registers(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Register, ...]:
    """Return the registers that differ between two measurements."""
    return tuple(item for item in REGISTERS if before.get(item.field) != after.get(item.field))


def is_released(registers: Mapping[str, str], measurements: Measurements) -> bool:
    """Tell whether registers are those that a reference release lists, as far as it fixes them.

    For showing only: whether a machine is accepted decides the check `td.measurements`.
    """
    fixed = {name: getattr(measurements, name) for name in Measurements.__dataclass_fields__}
    return all(value is None or registers.get(name) == value.hex() for name, value in fixed.items())
