"""One simulated platform on disk: made once, unique to its directory, read by guest, quoting service and PCS alike.

platform.json   0600, when it was made and the seed that every key of it comes from; never replaced
root.der        the root certificate, for those who pin it
state.json      what the platform is like now
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attestation.collateral import Collateral
from attestation.encoding import parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.eventlog import DIGEST_SIZE, build_ccel, extend, replay
from attestation.reference_values import Measurements
from attestation.simulator.boot import OTHER_RELEASE, RELEASE, boot_events, measure
from attestation.simulator.platform import Platform
from attestation.simulator.state import NOT_EXTENDED, State, StateFile, locked, write_state, write_whole
from attestation.simulator.tcb import ADVISORY, TcbInfo, TcbLevel
from attestation.simulator.td_report import (
    DEBUG,
    SEPT_VE_DISABLE,
    Td,
    build_attributes,
    build_td_report,
)

PLATFORM_FILE = "platform.json"
ROOT_FILE = "root.der"
MAX_PLATFORM_BYTES = 4096
SEED_SIZE = 32

# Certificates are a little older than the platform, so that a clock set back a little does not refuse them.
CERTIFICATE_AGE = timedelta(days=1)
# Collateral is dated by the hour, so that its bytes stay the same for that long.
ISSUE_PERIOD_S = 3600


@dataclass(frozen=True, slots=True)
class Installation:
    """A simulated platform, its state, and the key that its TDREPORTs are MACed with."""

    platform: Platform
    report_key: bytes
    state_file: StateFile

    @classmethod
    def open(cls, directory: Path) -> Installation:
        """Read a directory made by `create_simulator`.

        Raises:
            ConfigurationError: there is no simulator, or another version of this program made it.
        """
        created_at, seed = _read_platform_file(directory / PLATFORM_FILE)
        platform = Platform.create(created_at - CERTIFICATE_AGE, seed=seed)
        try:
            root = (directory / ROOT_FILE).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{directory / ROOT_FILE} cannot be read: {error.strerror}") from error
        if root != platform.root_der:
            raise ConfigurationError(
                f"another version of this program made the simulator in {directory}: "
                "remove that directory and run the set-up again"
            )
        return cls(platform, _report_key(seed), StateFile(directory))

    def td(self, report_data: bytes) -> Td:
        """Return the TD as its hardware sees it now."""
        state = self.state_file.read()
        td = Td(report_data=report_data, rtmr3=bytes.fromhex(state.rtmr3))
        if state.td.is_debuggable:
            td = replace(td, td_attributes=build_attributes(SEPT_VE_DISABLE, DEBUG))
        if state.td.is_other_release:
            rtmr0, rtmr1, rtmr2, _ = replay(boot_events(OTHER_RELEASE))
            td = replace(td, mr_td=measure("MRTD of another release"), rtmr0=rtmr0, rtmr1=rtmr1, rtmr2=rtmr2)
        return td

    def collateral(self, now: datetime) -> Collateral:
        """Return what the platform's maker publishes about it now."""
        state = self.state_file.read()
        return build_published(self.platform, state, issued_at=issue_time(state, now=now))


def create_simulator(directory: Path, *, now: datetime | None = None, quote_version: int = 4) -> None:
    """Make a simulated platform with a root of its own; one that is there already is left as it is.

    Raises:
        ConfigurationError: the directory cannot be written.
    """
    created_at = (now or datetime.now(UTC)).replace(microsecond=0)
    path = directory / PLATFORM_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_platform_file(path, created_at=created_at, seed=secrets.token_bytes(SEED_SIZE))
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be written: {error.strerror}") from error
    created_at, seed = _read_platform_file(path)
    if not (directory / ROOT_FILE).exists():
        write_whole(directory / ROOT_FILE, Platform.create(created_at - CERTIFICATE_AGE, seed=seed).root_der)
    if not StateFile(directory).exists():
        write_state(directory, State(changed_at=created_at, quote_version=quote_version))


def measurements(directory: Path) -> Measurements:
    """Return what the released TD measures, whatever the state is now; a reference release names these.

    Raises:
        ConfigurationError: there is no simulator in the directory.
    """
    Installation.open(directory)
    td = Td(report_data=bytes(64))
    return Measurements(
        mr_td=td.mr_td,
        mr_seam=td.mr_seam,
        rtmr0=td.rtmr0,
        rtmr1=td.rtmr1,
        rtmr2=td.rtmr2,
        rtmr3=td.rtmr3,
        xfam=td.xfam,
        mr_config_id=td.mr_config_id,
        mr_owner=td.mr_owner,
        mr_owner_config=td.mr_owner_config,
    )


class Guest:
    """The inside of the simulated TD: what its kernel would ask the TDX module for."""

    name = "simulator"

    def __init__(self, directory: Path) -> None:
        """Raise ConfigurationError where there is no simulator in the directory."""
        self._directory = directory
        self._installation = Installation.open(directory)

    def td_report(self, report_data: bytes) -> bytes:
        """Return the 1024 bytes of a TDREPORT that carries 64 bytes of report data.

        Raises:
            MalformedError: the report data has another size.
            ConfigurationError: the state cannot be read.
        """
        if len(report_data) != 64:
            raise MalformedError(f"report data has 64 bytes, not {len(report_data)}")
        installation = self._installation
        return build_td_report(installation.td(report_data), mac_key=installation.report_key)

    def firmware_log(self) -> bytes:
        """Return the CCEL that the firmware left. Raises `ConfigurationError` where the state cannot be read."""
        is_other = self._installation.state_file.read().td.is_other_release
        return build_ccel(boot_events(OTHER_RELEASE if is_other else RELEASE))

    def extend(self, digest: bytes) -> None:
        """Extend RTMR3 with 48 bytes.

        Raises:
            MalformedError: another size.
            ConfigurationError: the state cannot be read or written.
        """
        if len(digest) != DIGEST_SIZE:
            raise MalformedError(f"RTMR3 is extended with {DIGEST_SIZE} bytes, not {len(digest)}")
        with locked(self._directory):
            state = self._installation.state_file.read()
            extended = extend(bytes.fromhex(state.rtmr3), digest)
            write_state(self._directory, replace(state, rtmr3=extended.hex()))


def start_td(directory: Path) -> None:
    """Start the TD anew: what it had extended is gone. Raises `ConfigurationError` where there is no simulator."""
    with locked(directory):
        write_state(directory, replace(StateFile(directory).read(), rtmr3=NOT_EXTENDED))


def issue_time(state: State, *, now: datetime) -> datetime:
    """Return when current collateral was issued: on an hour in the past, or when the state last changed."""
    hour = int(now.timestamp()) // ISSUE_PERIOD_S * ISSUE_PERIOD_S - ISSUE_PERIOD_S
    return max(datetime.fromtimestamp(hour, UTC), state.changed_at)


def build_published(platform: Platform, state: State, *, issued_at: datetime) -> Collateral:
    """Return the collateral that belongs to a state."""
    number = state.evaluation_number
    tcb_info = platform.tcb_info(issued_at, evaluation_number=number)
    if state.is_out_of_date:
        tcb_info = _after_tcb_recovery(tcb_info)
    return platform.collateral(
        issued_at,
        tcb_info=tcb_info,
        qe_identity=platform.qe_identity(issued_at, evaluation_number=number),
        revoked={"pck"} if state.is_revoked else (),
    )


def _after_tcb_recovery(tcb_info: TcbInfo) -> TcbInfo:
    """Put a newer level above the platform's own, as Intel does when it publishes an advisory."""
    own, *older = tcb_info.levels
    newer = TcbLevel(sgx_svns=tuple(svn + 1 for svn in own.sgx_svns), pce_svn=own.pce_svn + 1)
    return replace(tcb_info, levels=(newer, replace(own, status="OutOfDate", advisories=(ADVISORY,)), *older))


def _report_key(seed: bytes) -> bytes:
    return hashlib.sha256(b"confchat/1 simulator TDREPORT\x00" + seed).digest()


def _write_platform_file(path: Path, *, created_at: datetime, seed: bytes) -> None:
    members = {"created_at": int(created_at.timestamp()), "seed": seed.hex()}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_whole(draft, json.dumps(members).encode())
    try:
        # A link, unlike a rename, never replaces what another process has just made.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_platform_file(path: Path) -> tuple[datetime, bytes]:
    try:
        with path.open("rb") as file:
            members = parse_json(file.read(MAX_PLATFORM_BYTES))
        seed = bytes.fromhex(members["seed"])
        created_at = datetime.fromtimestamp(members["created_at"], UTC)
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no simulator in {path.parent}: run the set-up first") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (MalformedError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"{path} does not describe a simulator") from error
    if len(seed) != SEED_SIZE:
        raise ConfigurationError(f"{path} does not describe a simulator")
    return created_at, seed
