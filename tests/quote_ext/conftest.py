"""The stand-ins for configfs as fixtures: `shared_entry` on both of them, `tsm` on the mounted one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quote_ext.tsm_fuse import FuseServer, mounted
from tests.quote_ext.tsm_plain import served
from tests.quote_ext.tsm_report import TsmReports


@pytest.fixture
def reports() -> TsmReports:
    """What stands behind the files, and what goes wrong with them."""
    return TsmReports()


@pytest.fixture
def mount_point(tmp_path: Path) -> Path:
    directory = tmp_path / "report"
    directory.mkdir()
    return directory


@pytest.fixture
def server(reports: TsmReports, mount_point: Path) -> Iterator[FuseServer]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(mounted(reports, mount_point))
        except OSError as error:
            pytest.skip(f"the mounted stand-in for configfs needs root and /dev/fuse: {error}")
        yield server


@pytest.fixture
def tsm(server: FuseServer, mount_point: Path) -> Path:
    """The mounted directory in which entries are made."""
    return mount_point


@pytest.fixture(params=["plain", "mounted"])
def shared_entry(request: pytest.FixtureRequest, reports: TsmReports, tmp_path: Path) -> Iterator[Path]:
    """A directory that stands there before anyone asks, on each of the two stand-ins."""
    if request.param == "mounted":
        entry: Path = request.getfixturevalue("tsm") / "confchat"
        entry.mkdir()
        yield entry
    else:
        with served(reports, tmp_path / "confchat"):
            yield tmp_path / "confchat"
