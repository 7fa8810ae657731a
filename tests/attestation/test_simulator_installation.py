"""What a simulator leaves on disk, and what becomes of a directory that is not as it should be."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from attestation.errors import ConfigurationError, MalformedError
from attestation.simulator.installation import (
    ISSUE_PERIOD_S,
    PLATFORM_FILE,
    ROOT_FILE,
    Installation,
    create_simulator,
    issue_time,
    measurements,
)
from attestation.simulator.state import STATE_FILE, State, StateFile, TdState, parse_state, write_state
from attestation.simulator.td_report import Td
from tests.third_opinion import status_of

NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)


def test_each_installation_has_a_root_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        create_simulator(tmp_path / name)
    assert (tmp_path / "one" / ROOT_FILE).read_bytes() != (tmp_path / "two" / ROOT_FILE).read_bytes()


def test_only_the_owner_can_read_a_new_simulator(tmp_path: Path) -> None:
    create_simulator(tmp_path / "simulator")
    assert stat.S_IMODE((tmp_path / "simulator").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "simulator").iterdir()}
    assert modes == {PLATFORM_FILE: 0o600, ROOT_FILE: 0o600, STATE_FILE: 0o600}


def test_creating_again_changes_nothing(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    create_simulator(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", [ROOT_FILE, STATE_FILE])
def test_interrupted_creation_is_completed(tmp_path: Path, name: str) -> None:
    create_simulator(tmp_path)
    before = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    create_simulator(tmp_path)
    assert (tmp_path / name).read_bytes() == before


def test_new_platform_is_up_to_date_at_once_and_a_year_later(tmp_path: Path) -> None:
    create_simulator(tmp_path, now=NOW)
    installation = Installation.open(tmp_path)
    quote = installation.platform.quote(installation.td(bytes(64)))
    for at in (NOW, NOW + timedelta(days=365)):
        collateral = installation.collateral(at)
        assert status_of(quote, collateral, root=installation.platform.root_der, at=at) == "UpToDate"


def test_published_bytes_stay_the_same_for_an_hour_and_follow_a_change_at_once(tmp_path: Path) -> None:
    state = State(changed_at=NOW - timedelta(days=1))
    hour = NOW.replace(minute=0, second=0)
    assert {issue_time(state, now=hour + timedelta(seconds=at)) for at in (0, 1, ISSUE_PERIOD_S - 1)} == {
        hour - timedelta(seconds=ISSUE_PERIOD_S)
    }
    assert issue_time(replace(state, changed_at=NOW), now=NOW) == NOW


def test_measurements_are_those_of_the_released_td_whatever_runs_now(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    before = measurements(tmp_path)
    write_state(tmp_path, State(changed_at=NOW, td=TdState(is_other_release=True)))
    assert measurements(tmp_path) == before
    released = Td(report_data=bytes(64))
    assert (before.mr_td, before.rtmr2, before.rtmr3) == (released.mr_td, released.rtmr2, bytes(48))
    assert Installation.open(tmp_path).td(bytes(64)).mr_td != before.mr_td


def test_state_reads_back_and_is_seen_when_it_is_replaced(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    for state in (
        State(changed_at=NOW),
        State(
            changed_at=NOW,
            evaluation_number=21,
            is_revoked=True,
            is_out_of_date=True,
            quote_version=5,
            td=TdState(is_debuggable=True, is_other_release=True),
        ),
    ):
        write_state(tmp_path, state)
        assert file.read() == state


@pytest.mark.parametrize(
    "change",
    [
        {"v": "another"},
        {"is_revoked": 1},
        {"evaluation_number": True},
        {"evaluation_number": "20"},
        {"quote_version": 3},
        {"unknown": True},
        {"td": None},
        {"td": {"is_debuggable": 0, "is_other_release": False}},
        {"changed_at": "now"},
    ],
)
def test_state_of_another_form_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    write_state(tmp_path, State(changed_at=NOW))
    members = json.loads((tmp_path / STATE_FILE).read_bytes())
    with pytest.raises(MalformedError):
        parse_state(json.dumps(members | change).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"v":1,"v":1}'])
def test_state_that_is_not_one_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / STATE_FILE).write_bytes(data)
    with pytest.raises(ConfigurationError, match="not a state"):
        StateFile(tmp_path).read()


def test_directory_without_a_simulator_says_to_run_the_set_up(tmp_path: Path) -> None:
    for use in (Installation.open, measurements):
        with pytest.raises(ConfigurationError, match="run the set-up"):
            use(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"seed":"00"}',
        b'{"seed":7,"created_at":0}',
        b'{"seed":"x","created_at":0}',
        b'{"seed":"","created_at":0}',
    ],
)
def test_platform_file_of_another_form_is_refused(tmp_path: Path, data: bytes) -> None:
    create_simulator(tmp_path)
    (tmp_path / PLATFORM_FILE).write_bytes(data)
    with pytest.raises(ConfigurationError, match="does not describe a simulator"):
        Installation.open(tmp_path)


def test_simulator_of_another_version_is_not_served_under_another_root(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    (tmp_path / ROOT_FILE).write_bytes(b"another root")
    with pytest.raises(ConfigurationError, match="remove that directory"):
        Installation.open(tmp_path)


def test_directory_that_cannot_be_made_is_a_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        create_simulator(tmp_path / "file" / "simulator")
