"""The product's own web server on a machine that has every interface of a TDX guest, each asked in turn.

The quotes are those of the installation's simulated platform, which the installation trusts; everything between them
and the attester is the way of real machines. Which interface gave a quote is said in the log.

usage: python -m tests.faults.hardware_server DESCRIPTOR VERIFIER_URL PING_S
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Literal

from django.conf import settings

from attestation.attester import SimulatorSource, TdxAttester
from attestation.hardware.machine import Machine
from attestation.hardware.sources import SOURCES
from attestation.simulator.sockets import QGS_SOCKET
from confchat import web_server
from confchat.asgi import route  # sets Django up
from confchat.consumers import SessionConsumer
from confchat.deployment import deployment
from tests.faults.server import make_impatient
from tests.hardware_scene import Scene
from tests.quote_ext.tdx_device import ANOLIS

logger = logging.getLogger(__name__)


class SimulatedHost:
    """The simulator's TDX module, and its quoting service on its socket, wherever that is served."""

    def __init__(self, directory: Path) -> None:
        self._source = SimulatorSource(directory)
        self._socket = str(directory / QGS_SOCKET)

    def report(self, report_data: bytes) -> bytes:
        return self._source.guest.td_report(report_data)

    def quote(self, report_data: bytes) -> bytes:
        return self._source.quote(report_data)

    def answer(self, frame: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as service:
            service.connect(self._socket)
            service.sendall(frame)
            size = service.recv(4, socket.MSG_WAITALL)
            return size + service.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)


class InTurn:
    """Every way of a machine, one after the other, over and over."""

    name = "every way in turn"
    trust_anchor: Literal["simulator"] = "simulator"

    def __init__(self, machine: Machine) -> None:
        self._sources = itertools.cycle([make(machine) for make in SOURCES.values()])

    def quote(self, report_data: bytes) -> bytes:
        source = next(self._sources)
        quote = source.quote(report_data)
        logger.info("a quote through %s", source.name)
        return quote


if __name__ == "__main__":
    # The web server ends with the signal that it was sent; what is mounted must be taken down first.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scene = Scene(directory, stack, host=SimulatedHost(settings.CONFCHAT_SIMULATOR_DIR))
        scene.configfs()
        scene.device(ANOLIS)
        scene.library()
        scene.quoting_service()
        parts = deployment()
        make_impatient(parts, verifier_url=sys.argv[2])
        guest = SimulatorSource(settings.CONFCHAT_SIMULATOR_DIR).guest
        parts.attester = TdxAttester(InTurn(scene.machine), measurement=guest)
        parts.workload.attester = parts.attester
        web_server.serve(
            socket.socket(fileno=int(sys.argv[1])), route(SessionConsumer.as_asgi()), ping_s=float(sys.argv[3])
        )
