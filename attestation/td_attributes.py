"""The bits of TD_ATTRIBUTES (Intel TDX Module ABI specification, "TD_ATTRIBUTES"), and how each is judged."""

from __future__ import annotations

# Bits that must be off whatever a policy says, in the order in which they are judged, and what each would mean.
FORBIDDEN_BITS = (
    ((0,), "td_debug", "it runs in debug mode, where the host can read and change it"),
    ((4, 5, 6), "td_profiling", "the host may profile what it does"),
    ((29,), "td_migratable", "it may be moved to another machine"),
    ((17,), "td_service_td_extension", "another machine may serve it with more rights than are shown"),
)
SEPT_VE_DISABLE = 28
# ICSSD, LASS, protection keys, key locker, performance counters: of no harm to the TD.
HARMLESS_BITS = (16, 27, 30, 31, 63)
KNOWN_BITS = frozenset({*HARMLESS_BITS, SEPT_VE_DISABLE, *(bit for bits, *_ in FORBIDDEN_BITS for bit in bits)})
"""Every bit that has a meaning here; any other is reserved."""

ACCEPTABLE = sum(1 << bit for bit in (SEPT_VE_DISABLE, *HARMLESS_BITS))
"""What a policy may allow at most."""
