"""The quoting service on a Unix socket: Intel's QGS protocol, version 1.1 (DCAP, `qgs_msg_lib.h`).

A frame is the size of a message as u32 big-endian, and the message, packed and little-endian. One request a
connection; whatever the request, the answer is one frame, and a request that is not whole gets none.
"""

from __future__ import annotations

import asyncio
import struct

from attestation.errors import AttestationError, MalformedError
from attestation.simulator.installation import Installation
from attestation.simulator.td_report import TD_REPORT_SIZE, parse_td_report

REQUEST_TIMEOUT_S = 30.0
MAX_REQUEST_BYTES = 64 * 1024

GET_QUOTE_REQ, GET_QUOTE_RESP = 0, 1
SUCCESS = 0
ERROR_UNEXPECTED = 0x12001
ERROR_INVALID_PARAMETER = 0x12003
ERROR_INVALID_VERSION = 0x12004
ERROR_INVALID_TYPE = 0x12005
ERROR_INVALID_SIZE = 0x12006
ERROR_INVALID_CODE = 0x12007

# tdx_attest.h, TDX_SGX_ECDSA_ATTESTATION_ID: the only kind of attestation key.
ATTESTATION_KEY_ID = bytes.fromhex("e86c046e8cc44d958173fc43c1fa4f3f")

_MAJOR, _MINOR = 1, 1
_FRAME = struct.Struct(">I")
# major, minor, type, size of the whole message, error code
_HEADER = struct.Struct("<HHIII")
# size of the report, size of the list of key ids; or: size of the selected id, size of the quote
_SIZES = struct.Struct("<II")
_FIXED = _HEADER.size + _SIZES.size


class RefusedError(Exception):
    """The request gets this error code for an answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"0x{code:05x}")
        self.code = code


class QuotingService:
    """Answers connections with quotes of one installation's platform."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, and close."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer = self.answer(await _read_message(reader))
                writer.write(_FRAME.pack(len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        finally:
            writer.close()

    def answer(self, message: bytes) -> bytes:
        """Return the answer to a message without its frame; never raises."""
        try:
            report, key_id = _parse_request(message)
            quote = self._quote(report)
        except RefusedError as refused:
            return _build_answer(refused.code)
        return _build_answer(SUCCESS, key_id=key_id, quote=quote)

    def _quote(self, report: bytes) -> bytes:
        installation = self._installation
        try:
            td = parse_td_report(report, mac_key=installation.report_key)
            return installation.platform.quote(td, version=installation.state_file.read().quote_version)
        except MalformedError as error:
            raise RefusedError(ERROR_INVALID_PARAMETER) from error
        except AttestationError as error:
            raise RefusedError(ERROR_UNEXPECTED) from error


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Read one frame; of one that is too large nothing but its size, which no parser then accepts."""
    (size,) = _FRAME.unpack(await reader.readexactly(_FRAME.size))
    return await reader.readexactly(min(size, MAX_REQUEST_BYTES))


def _parse_request(message: bytes) -> tuple[bytes, bytes]:
    """Return the TDREPORT and the attestation key id that was asked for (empty: none)."""
    if len(message) < _FIXED:
        raise RefusedError(ERROR_INVALID_PARAMETER)
    major, _minor, kind, size, error_code = _HEADER.unpack_from(message)
    report_size, list_size = _SIZES.unpack_from(message, _HEADER.size)
    refusals = (
        (major != _MAJOR, ERROR_INVALID_VERSION),
        (kind != GET_QUOTE_REQ, ERROR_INVALID_TYPE),
        (size != len(message), ERROR_INVALID_SIZE),
        (error_code != SUCCESS, ERROR_INVALID_CODE),
        (_FIXED + report_size + list_size != size, ERROR_INVALID_SIZE),
        (report_size != TD_REPORT_SIZE, ERROR_INVALID_PARAMETER),
    )
    for refused, code in refusals:
        if refused:
            raise RefusedError(code)
    key_id = message[_FIXED + report_size :]
    if key_id not in (b"", ATTESTATION_KEY_ID):
        raise RefusedError(ERROR_INVALID_PARAMETER)
    return message[_FIXED : _FIXED + report_size], key_id


def _build_answer(code: int, *, key_id: bytes = b"", quote: bytes = b"") -> bytes:
    size = _FIXED + len(key_id) + len(quote)
    header = _HEADER.pack(_MAJOR, _MINOR, GET_QUOTE_RESP, size, code)
    return header + _SIZES.pack(len(key_id), len(quote)) + key_id + quote
