"""A machine that stand-ins for the interfaces of a TDX guest are plugged into, with quotes of a simulated platform."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from attestation.attester import TdxAttester, choose_attester
from attestation.hardware.machine import Machine
from attestation.hardware.sources import Way
from attestation.simulator.installation import Installation
from attestation.simulator.qgs import QuotingService
from attestation.simulator.td_report import build_td_report
from tests.quote_ext.attest_library import AttestLibrary, attest_library
from tests.quote_ext.quoting_service import REQUEST_FRAME_SIZE, quoting_service
from tests.quote_ext.tdx_device import ANOLIS, MAINLINE, TdxDevice, plugged
from tests.quote_ext.tsm_plain import served
from tests.quote_ext.tsm_report import TsmReports

NOWHERE = Path("/nonexistent")
NOTHING = Machine(
    configfs=NOWHERE,
    library="/nonexistent",
    devices=(NOWHERE,),
    attest_conf=NOWHERE,
    measurements=NOWHERE,
    acpi_tables=NOWHERE,
)


class Host(Protocol):
    """A TDX module and a quoting service, behind whatever interface is plugged in."""

    def report(self, report_data: bytes) -> bytes:
        """Return a TDREPORT."""

    def answer(self, frame: bytes) -> bytes:
        """Return the frame that the quoting service answers a request's frame with."""

    def quote(self, report_data: bytes) -> bytes:
        """Return a quote."""


class SimulatedHost:
    """The simulator's TDX module and quoting service, in this process."""

    def __init__(self, directory: Path) -> None:
        self._installation = Installation.open(directory)
        self._service = QuotingService(self._installation)

    def report(self, report_data: bytes) -> bytes:
        return build_td_report(self._installation.td(report_data), mac_key=self._installation.report_key)

    def answer(self, frame: bytes) -> bytes:
        answer = self._service.answer(frame[4:])
        return len(answer).to_bytes(4, "big") + answer

    def quote(self, report_data: bytes) -> bytes:
        return self._installation.platform.quote(self._installation.td(report_data))


class Scene:
    """A machine that interfaces are plugged into."""

    def __init__(self, directory: Path, stack: contextlib.ExitStack, *, host: Host) -> None:
        (directory / "report").mkdir()
        self.host = host
        self.machine = NOTHING
        self._directory = directory
        self._stack = stack

    def configfs(self) -> TsmReports:
        reports = TsmReports()
        reports.quote = self.host.quote
        self._stack.enter_context(served(reports, self._directory / "report" / "confchat"))
        self.machine = replace(self.machine, configfs=self._directory / "report")
        return reports

    def device(self, numbers: frozenset[int]) -> TdxDevice:
        device = TdxDevice(numbers)
        device.report, device.answer = self.host.report, self.host.answer
        try:
            path = self._stack.enter_context(plugged(device, self._directory / "tdx_guest"))
        except OSError as error:
            pytest.skip(f"the stand-in for a TDX device needs root and /dev/fuse: {error}")
        self.machine = replace(self.machine, devices=(NOWHERE, path))
        return device

    def library(self) -> AttestLibrary:
        library = self._stack.enter_context(attest_library(self._directory))
        library.quote = self.host.quote
        self.machine = replace(self.machine, library=str(library.path))
        return library

    def quoting_service(self) -> None:
        path = self._directory / "qgs.socket"
        service = self._stack.enter_context(quoting_service(path, lambda _connection: None))
        service.reads_first = False
        service.answer = lambda connection: connection.sendall(
            self.host.answer(connection.recv(REQUEST_FRAME_SIZE, 0x100))  # MSG_WAITALL
        )
        self.machine = replace(self.machine, quoting_service=f"unix:{path}")

    def choose(self, tdx: Way | None = None) -> TdxAttester:
        attester = choose_attester(tdx=tdx or "auto", machine=self.machine, simulator_directory=None)
        self._stack.callback(attester.close)
        return attester


PLUGS: dict[str, Callable[[Scene], object]] = {
    "configfs": lambda scene: scene.configfs(),
    "library": lambda scene: (scene.device(MAINLINE), scene.library()),
    "qgs": lambda scene: (scene.device(MAINLINE), scene.quoting_service()),
    "driver": lambda scene: scene.device(ANOLIS),
}
