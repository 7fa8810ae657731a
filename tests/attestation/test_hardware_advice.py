from __future__ import annotations

import errno
from pathlib import Path

import pytest

from attestation.errors import ConfigurationError, UnavailableError
from attestation.hardware import advice
from attestation.hardware.advice import advise, translate
from attestation.hardware.sources import SOURCES
from quote_ext.errors import (
    DeviceError,
    HostError,
    LibraryError,
    NamedError,
    ProtocolError,
    QuoteError,
    ServiceError,
    device_error,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "attesters.md"
TABLES: list[tuple[type[NamedError], dict[int, str]]] = [
    (LibraryError, advice.LIBRARY),
    (ServiceError, advice.SERVICE),
    (HostError, advice.HOST),
]


@pytest.mark.parametrize(("error", "table"), TABLES)
def test_every_status_has_advice_and_stands_in_the_document(error: type[NamedError], table: dict[int, str]) -> None:
    assert set(table) == set(error.names)
    document = DOCUMENT.read_text("utf-8")
    for status, name in error.names.items():
        assert f"| `0x{status:x}` {name} |" in document
        assert advise("library", error("step", status)) == table[status]


@pytest.mark.parametrize(("error", "table"), TABLES)
def test_status_that_nobody_documented_is_said_to_be_unknown(error: type[NamedError], table: dict[int, str]) -> None:
    assert max(table) + 1 not in error.names
    assert "No document" in advise("library", error("step", max(table) + 1))


@pytest.mark.parametrize("way", [*SOURCES, "sysfs", "simulator"])
@pytest.mark.parametrize("step", ["entry", "device", "connect", "GET_QUOTE", "library", "something new"])
@pytest.mark.parametrize("status", [errno.ENOENT, errno.EACCES, errno.EBUSY, errno.ECONNRESET, errno.EIO])
def test_every_errno_of_every_way_has_advice(way: str, step: str, status: int) -> None:
    assert advise(way, device_error(step, status)).endswith(".")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (device_error("device", errno.EACCES), ConfigurationError),
        (device_error("device", errno.ENOENT), UnavailableError),
        (ProtocolError("outblob", 0), UnavailableError),
        (LibraryError("tdx_att_get_quote", 9), UnavailableError),
    ],
)
def test_only_what_an_operator_must_allow_is_a_matter_of_configuration(
    error: QuoteError, expected: type[Exception]
) -> None:
    translated = translate(error, way="driver", what="no quote")
    assert type(translated) is expected
    assert str(translated).startswith(f"no quote through driver: {error}. ")


@pytest.mark.parametrize(
    "name",
    [
        *("ENOENT", "ENODEV", "ENXIO", "ENOTDIR", "ENOTTY", "EACCES", "EPERM", "EROFS", "EBUSY", "EAGAIN", "EINTR"),
        *("ETIMEDOUT", "EINVAL", "ECONNREFUSED", "ECONNRESET", "EAFNOSUPPORT", "ELIBACC", "ELIBBAD"),
    ],
)
def test_errno_that_an_interface_gives_stands_in_the_document(name: str) -> None:
    assert isinstance(device_error("step", getattr(errno, name)), DeviceError)
    assert f"`{name}`" in DOCUMENT.read_text("utf-8")
