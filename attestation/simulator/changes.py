"""What can happen to the simulated platform while the product runs, and what a user should see then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from attestation.simulator.sockets import PCCS_SOCKET, is_served
from attestation.simulator.state import NOT_EXTENDED, State, StateFile, TdState, locked, write_state
from attestation.simulator.tcb import ADVISORY

# A product on the simulator holds collateral for no longer than this (seconds).
COLLATERAL_MAX_AGE_S = 1.0
_MARGIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happens: what it does to the state, and both halves of what the operator is told."""

    apply: Callable[[State], State]
    happened: str
    expect: str


def _outdate(state: State) -> State:
    number = state.evaluation_number + (0 if state.is_out_of_date else 1)
    return replace(state, is_out_of_date=True, evaluation_number=number)


def _start(state: State, td: TdState) -> State:
    """Start the TD: what it had extended is gone."""
    return replace(state, td=td, rtmr3=NOT_EXTENDED)


CHANGES = {
    "revoke": Change(
        apply=lambda state: replace(state, is_revoked=True),
        happened="The platform's PCK certificate is revoked: its serial number stands on the PCK CRL.",
        expect="A new conversation turns red: quote.chain fails (certificate_revoked).",
    ),
    "outdated": Change(
        apply=_outdate,
        happened=f"A TCB recovery was published: the platform is OutOfDate, with advisory {ADVISORY}.",
        expect="A new conversation turns red: tcb.status fails (tcb_refused).",
    ),
    "debug": Change(
        apply=lambda state: _start(state, replace(state.td, is_debuggable=True)),
        happened="The TD was started with the DEBUG attribute: its host can read its memory.",
        expect="A new conversation turns red: td.attributes fails (td_debug).",
    ),
    "wrong-release": Change(
        apply=lambda state: _start(state, replace(state.td, is_other_release=True)),
        happened="The TD was started from another release: MRTD and RTMR2 differ from the published ones.",
        expect="A new conversation turns red: td.measurements fails (measurements_differ).",
    ),
    "reboot": Change(
        apply=lambda state: _start(state, state.td),
        happened="The TD was started again: RTMR3 is zero, and whatever runs is measured anew.",
        expect="A new conversation is as green or red as the files and models that are there now.",
    ),
    "restore": Change(
        apply=lambda state: _start(replace(state, is_revoked=False, is_out_of_date=False), TdState()),
        happened="The platform is as it was set up, and the TD was started again; only the TCB evaluation number "
        "stays, for such numbers never fall.",
        expect="A new conversation turns green.",
    ),
}


def apply_change(directory: Path, name: str, *, now: datetime | None = None) -> str:
    """Make a change and return what to tell the operator, once a running product must have noticed it.

    Raises:
        ConfigurationError: there is no simulator in the directory, or it cannot be written.
    """
    change = CHANGES[name]
    with locked(directory):
        before = StateFile(directory).read()
        after = replace(change.apply(before), changed_at=(now or datetime.now(UTC)).replace(microsecond=0))
        write_state(directory, after)
    if not is_served(directory / PCCS_SOCKET):
        return f"{change.happened}\nThe simulator is not running; when it does: {change.expect}"
    time.sleep(COLLATERAL_MAX_AGE_S + _MARGIN_S)
    return f"{change.happened}\n{change.expect}"


def describe_state(directory: Path) -> str:
    """Return in words what the platform is like now.

    Raises:
        ConfigurationError: there is no simulator in the directory.
    """
    state = StateFile(directory).read()
    lines = (
        "The simulator is running." if is_served(directory / PCCS_SOCKET) else "The simulator is not running.",
        f"PCK certificate: {'revoked' if state.is_revoked else 'valid'}",
        f"TCB: {f'OutOfDate ({ADVISORY})' if state.is_out_of_date else 'UpToDate'}",
        f"TCB evaluation number: {state.evaluation_number}",
        f"TD attributes: {'DEBUG' if state.td.is_debuggable else 'not debuggable'}",
        f"TD measurements: {'those of another release' if state.td.is_other_release else 'those of the release'}",
        f"RTMR3: {'not extended' if state.rtmr3 == NOT_EXTENDED else state.rtmr3}",
        f"Quotes: version {state.quote_version}",
        f"Last change: {state.changed_at:%Y-%m-%d %H:%M:%S} UTC",
    )
    return "\n".join(lines)
