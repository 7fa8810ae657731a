from __future__ import annotations

import errno
import json
import socket
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from attestation.quote import parse_quote
from attestation.simulator.installation import Installation, create_simulator
from attestation.simulator.qgs import QuotingService
from attestation.simulator.sockets import QGS_SOCKET
from tests.attestation.test_attester import NOW, simulated_quote
from tests.quote_ext.attest_library import attest_library
from tests.quote_ext.quoting_service import REQUEST_FRAME_SIZE, quoting_service
from tests.quote_ext.tdx_device import ANOLIS, TdxDevice, example_report, frame_around, plugged
from tests.quote_ext.tsm_plain import served
from tests.quote_ext.tsm_report import TsmReports


@pytest.fixture
def machine(settings: Settings, tmp_path: Path) -> Path:
    """A machine without any interface, as the settings describe it; the directory is for what is plugged in."""
    settings.CONFCHAT_TDX = "auto"
    settings.CONFCHAT_CONFIGFS = tmp_path / "report"
    settings.CONFCHAT_TDX_LIBRARY = str(tmp_path / "libtdx_attest.so.1")
    settings.CONFCHAT_TDX_DEVICE = str(tmp_path / "tdx_guest")
    settings.CONFCHAT_QGS = ""
    settings.CONFCHAT_DEVELOPMENT = False
    settings.CONFCHAT_SIMULATOR_DIR = tmp_path / "simulator"
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    """Run the command; returns its exit code and what it said."""
    said = StringIO()
    code = 0
    try:
        call_command("attester", *arguments, stdout=said)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, said.getvalue()


def run_json(*arguments: str) -> tuple[int, Any]:
    code, said = run("--json", *arguments)
    return code, json.loads(said)


def test_machine_without_tdx_is_told_what_each_way_needs(machine: Path) -> None:
    code, said = run()
    assert code == 1
    ways = [line.split()[0] for line in said.splitlines() if "is not here" in line]
    assert ways == ["configfs", "library", "qgs", "driver"]
    assert "Linux has it since 6.7" in said
    assert "the module tdx_guest is not loaded" in said
    assert "no way to a quote here" in said


def test_quote_of_the_machine_is_taken_and_written(machine: Path) -> None:
    reports = TsmReports()
    reports.quote = simulated_quote
    (machine / "report").mkdir()
    with served(reports, machine / "report" / "confchat"):
        code, said = run("--quote", str(machine / "quote.bin"))
    assert code == 0
    assert "The product uses configfs." in said
    quote = (machine / "quote.bin").read_bytes()
    assert parse_quote(quote).report.report_data == reports.requests[0]
    assert len(set(reports.requests[0])) > 16


def test_file_that_is_there_is_not_written_over(machine: Path) -> None:
    create_simulator(machine / "simulator", now=NOW)
    reports = TsmReports()
    reports.quote = simulated_quote
    (machine / "report").mkdir()
    (machine / "quote.bin").write_bytes(b"kept")
    with served(reports, machine / "report" / "confchat"), pytest.raises(CommandError, match=r"quote\.bin"):
        run("--quote", str(machine / "quote.bin"))
    assert (machine / "quote.bin").read_bytes() == b"kept"


def test_first_way_that_fails_is_not_replaced_and_the_one_that_works_is_named(machine: Path) -> None:
    device = TdxDevice(ANOLIS)
    device.answer = frame_around(lambda report: simulated_quote(report[128:192]))
    (machine / "report").mkdir()
    try:
        plug = plugged(device, machine / "tdx_guest")
        with plug:
            code, said = run()
            code_of_driver, report = run_json("--way", "driver")
    except OSError as error:
        pytest.skip(f"the stand-in for a TDX device needs root and /dev/fuse: {error}")
    assert code == 1
    assert "configfs   fails" in said
    assert "which fails. Set CONFCHAT_TDX=driver" in said
    assert (code_of_driver, report["used"], report["gives_quote"]) == (0, "driver", True)
    assert [attempt["outcome"] for attempt in report["attempts"]] == ["quote"]
    assert "With CONFCHAT_TDX=simulator the product has no way to a quote" in run("--way", "simulator")[1]


def test_failure_of_a_way_comes_with_what_to_do(machine: Path) -> None:
    device = TdxDevice(ANOLIS)
    device.status = 0x8000000000000001
    try:
        with plugged(device, machine / "tdx_guest"), attest_library(machine) as library:
            library.status = 10
            code, report = run_json()
    except OSError as error:
        pytest.skip(f"the stand-in for a TDX device needs root and /dev/fuse: {error}")
    details = {attempt["way"]: attempt["detail"] for attempt in report["attempts"]}
    assert (code, report["used"]) == (1, "library")
    assert "DEVICE_FAILURE (0xa). libtdx_attest cannot open /dev/tdx_guest" in details["library"]
    assert "GET_QUOTE_SERVICE_UNAVAILABLE (0x8000000000000001). The host has no quoting service" in details["driver"]
    assert "set CONFCHAT_QGS" in details["qgs"]


def test_quote_over_something_else_counts_as_none(machine: Path) -> None:
    device = TdxDevice(ANOLIS)
    device.report = lambda _report_data: example_report(bytes(64))
    device.answer = frame_around(lambda report: simulated_quote(report[128:192]))
    try:
        with plugged(device, machine / "tdx_guest"):
            code, report = run_json("--way", "driver")
    except OSError as error:
        pytest.skip(f"the stand-in for a TDX device needs root and /dev/fuse: {error}")
    assert code == 1
    assert report["attempts"][0]["outcome"] == "failed"
    assert "over something else" in report["attempts"][0]["detail"]


def test_simulator_is_asked_only_in_development_and_has_an_exit_code_of_its_own(
    machine: Path, settings: Settings
) -> None:
    create_simulator(machine / "simulator", now=NOW)
    assert run("--way", "simulator")[0] == 1
    settings.CONFCHAT_DEVELOPMENT = True
    code, report = run_json()
    assert (code, report["used"]) == (1, "simulator")
    assert f"connect: {errno.errorcode[errno.ENOENT]}" in report["attempts"][-1]["detail"]
    host = QuotingService(Installation.open(machine / "simulator"))

    def answer(connection: socket.socket) -> None:
        message = host.answer(connection.recv(REQUEST_FRAME_SIZE, socket.MSG_WAITALL)[4:])
        connection.sendall(len(message).to_bytes(4, "big") + message)

    with quoting_service(machine / "simulator" / QGS_SOCKET, answer) as service:
        service.reads_first = False
        code, said = run()
    assert code == 3
    assert "The product uses simulator, which protects nobody" in said
