"""What a TDX guest offers and where: paths, names and addresses, and how to read the address of a quoting service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from attestation.errors import ConfigurationError

# VMADDR_CID_HOST of vsock(7): the machine that this one runs on, where the quoting service is.
HOST_CID = 2
MAX_CONF_BYTES = 65536


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A quoting service on a socket of this machine."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class VsockAddress:
    """A quoting service on the host, or on another machine of it."""

    cid: int
    port: int

    def __str__(self) -> str:
        return f"vsock:{self.cid}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the interfaces of a TDX guest are, each as Linux or Intel's packages put it.

    `quoting_service` is `vsock:CID:PORT`, `unix:PATH`, or empty for the port that `attest_conf` names.
    """

    configfs: Path = Path("/sys/kernel/config/tsm/report")
    library: str = "libtdx_attest.so.1"
    # Linux and vendors' trees for TDX 1.5; Intel's for TDX 1.0; Intel's before that.
    devices: tuple[Path, ...] = (Path("/dev/tdx_guest"), Path("/dev/tdx-guest"), Path("/dev/tdx-attest"))
    quoting_service: str = ""
    attest_conf: Path = Path("/etc/tdx-attest.conf")
    # Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest, Linux 6.16 with CONFIG_TSM_MEASUREMENTS.
    measurements: Path = Path("/sys/devices/virtual/misc/tdx_guest/measurements")
    acpi_tables: Path = Path("/sys/firmware/acpi/tables")

    def device(self) -> Path:
        """Return the device: the first that is there, else the one that Linux would have."""
        return next((path for path in self.devices if is_there(path)), self.devices[0])

    def quoting_address(self) -> UnixAddress | VsockAddress | None:
        """Return where the quoting service is, or None where nobody said it.

        Raises:
            ConfigurationError: the setting is not an address, or the file cannot be read.
        """
        if self.quoting_service:
            return parse_address(self.quoting_service)
        port = _read_port(self.attest_conf)
        return None if port is None else VsockAddress(HOST_CID, port)


def is_there(path: Path) -> bool:
    """Say whether something is at a path; raises ConfigurationError where that cannot be seen."""
    try:
        return path.exists()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be looked at: {error.strerror}") from error


def parse_address(text: str) -> UnixAddress | VsockAddress:
    """Return the address that `vsock:CID:PORT` or `unix:PATH` names; raises ConfigurationError for anything else."""
    if match := re.fullmatch(r"vsock:(\d{1,10}):(\d{1,10})", text):
        cid, port = int(match[1]), int(match[2])
        # The largest of each means "any" (VMADDR_CID_ANY, VMADDR_PORT_ANY).
        if max(cid, port) < 2**32 - 1:
            return VsockAddress(cid, port)
    elif text.startswith("unix:/"):
        return UnixAddress(Path(text.removeprefix("unix:")))
    raise ConfigurationError(f"{text!r} is no address of a quoting service: write vsock:2:4050 or unix:/path")


def _read_port(path: Path) -> int | None:
    """Return the port of `tdx-attest.conf`: the first line `port = N`, as libtdx_attest reads it."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONF_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    match = re.search(r"^[ \t]*port[ \t]*=[ \t]*([0-9]{1,10})[ \t]*$", text, re.MULTILINE)
    return int(match[1]) if match and 0 < int(match[1]) <= 65535 else None
