"""GPU evidence from NVIDIA's SDK, which runs as a process of its own, with limits. Verifies nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from attestation.encoding import parse_json
from attestation.errors import MalformedError
from attestation.gpu import MAX_TEXT_SIZE, GpuVerifier, StatedGpu, gpu_digest, gpu_nonce, parse_gpu_claims
from attestation.members import Members

PROTOCOL = "confchat/1 gpu"
# Evidence is due 30 s after it was asked for, and the quote comes after this.
TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 2 * MAX_TEXT_SIZE
# Whoever must wait behind more than these gets no GPU evidence, rather than none in time.
MAX_WAITING = 4
# Where Linux shows that there is a GPU, whatever its maker: NVIDIA's driver, AMD's.
GPU_MARKS = (Path("/proc/driver/nvidia/gpus"), Path("/dev/kfd"))
_PASSED = ("PATH", "LANG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGpu:
    """What a machine shows of its GPUs: what its statement says, and the text that goes with the evidence."""

    stated: StatedGpu | None
    text: str | None


NO_GPU = ShownGpu(stated=None, text=None)
UNPROVEN = ShownGpu(stated=StatedGpu(state="unproven", sha256=None), text=None)
PLAIN = ShownGpu(stated=StatedGpu(state="plain", sha256=None), text=None)


class GpuCollector:
    """Asks for GPU evidence, one process at a time. Belongs to one event loop."""

    def __init__(
        self,
        python: Path | None,
        *,
        script: Path,
        verifier: GpuVerifier,
        marks: tuple[Path, ...] = GPU_MARKS,
        timeout_s: float = TIMEOUT_S,
        environment: Mapping[str, str],
    ) -> None:
        """Ask nothing yet; `python` is the interpreter that has the SDK, None where no GPU is to be proven.

        Of `environment` the SDK sees where it may connect to, and nothing else.
        """
        self._python, self._script, self._verifier = python, script, verifier
        self._marks, self._timeout_s = marks, timeout_s
        self._environment = {name: environment[name] for name in _PASSED if name in environment}
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._last_fault = ""

    async def collect(self, nonce: bytes) -> ShownGpu:
        """Return what the GPUs show for a client's nonce (32 bytes); what cannot be proven is told as that."""
        if self._python is None:
            return self._unasked()
        if self._waiting >= MAX_WAITING:
            return self._fail("too many ask at once")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                return self._read(await self._run(self._python, gpu_nonce(nonce)))
        except TimeoutError:
            return self._fail("no answer in time")
        except OSError as error:
            return self._fail(f"cannot be started: {error.strerror}")
        except MalformedError as error:
            return self._fail(f"answers what cannot be read: {error}")
        finally:
            self._waiting -= 1

    def _unasked(self) -> ShownGpu:
        """Return what is known where NVIDIA's tools were not asked, or know of no GPU."""
        return UNPROVEN if any(_is_marked(mark) for mark in self._marks) else NO_GPU

    async def _run(self, python: Path, nonce: str) -> bytes:
        request = json.dumps({"v": PROTOCOL, "nonce": nonce, "verifier": self._verifier}).encode()
        # The SDK writes log files where it stands.
        with tempfile.TemporaryDirectory(prefix="confchat-gpu-") as directory:
            process = await asyncio.create_subprocess_exec(
                *(str(python), "-I", str(self._script)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=directory,
                env=self._environment,
                start_new_session=True,
            )
            try:
                return await _converse(process, request)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _read(self, data: bytes) -> ShownGpu:
        value = parse_json(data)
        members = Members(value)
        if members.text("v") != PROTOCOL:
            raise MalformedError("another protocol")
        state, claims, error = members.text("state"), value.get("claims"), value.get("error")
        if error is not None:
            return self._fail(f"says {str(error)[:40]!r}")
        self._last_fault = ""
        if state == "confidential" and isinstance(claims, str):
            parse_gpu_claims(claims)
            return ShownGpu(stated=StatedGpu(state="confidential", sha256=gpu_digest(claims)), text=claims)
        return PLAIN if state == "plain" else self._unasked() if state == "none" else UNPROVEN

    def _fail(self, fault: str) -> ShownGpu:
        """Return that nothing was proven, and say why, once for each reason."""
        if fault != self._last_fault:
            logger.warning("nothing is proven of the GPU: its evidence process %s", fault)
        self._last_fault = fault
        return UNPROVEN


async def _converse(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    """Give a request and return the whole answer; raises `MalformedError` where it is too long."""
    if process.stdin is None or process.stdout is None:
        raise MalformedError("no pipes")
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(request)
        await process.stdin.drain()
        process.stdin.close()
    data = bytearray()
    while piece := await process.stdout.read(65536):
        data += piece
        if len(data) > MAX_ANSWER_BYTES:
            raise MalformedError("too long")
    return bytes(data)


def _is_marked(mark: Path) -> bool:
    try:
        return any(mark.iterdir()) if mark.is_dir() else mark.exists()
    except OSError:
        return False
