"""One loaded model in this process, on xllamacpp (llama.cpp's server as a library): a request in, pieces out."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import xllamacpp

from confchat.llm import Content, Thinking

CONTEXT_TOKENS = 8192
PARALLEL = 4
MAX_PENDING = 512  # as OLLAMA_MAX_QUEUE
# So many prompt tokens are read before a cancelled request is noticed: about a second on two cores.
BATCH_TOKENS = 256
# Several wait for each other in a busy loop: where others use the cores too, two made 5 tokens a second, and one 55.
THREADS = 1
NO_OFFLOAD = 0


class EngineError(Exception):
    """The engine refused a request or failed; `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a completion ended and what it took; the counts of prompt tokens include those already known."""

    reason: str
    prompt_tokens: int
    completion_tokens: int
    prompt_ms: float
    completion_ms: float


Piece: TypeAlias = Thinking | Content | Finish


class Engine:
    """A loaded model that answers `PARALLEL` requests at once; more of them wait."""

    def __init__(self, weights: Path, *, context_length: int) -> None:
        """Load the model. Blocks, with the interpreter's lock held: 0.6 s for 100 MB.

        Raises:
            EngineError: the file holds no model that can be loaded (500).
        """
        self.context_length = min(context_length, CONTEXT_TOKENS)
        # The engine's own HTTP server cannot be turned off: it gets a socket that is gone as soon as it is made.
        with tempfile.TemporaryDirectory(prefix="confchat-engine-") as directory:
            parameters = _parameters(weights, self.context_length, Path(directory) / "engine.sock")
            try:
                self._server = xllamacpp.Server(parameters)
            except RuntimeError as error:
                raise EngineError(500, "the model file cannot be loaded") from error
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="completion")
        self._pending = 0

    @property
    def is_idle(self) -> bool:
        """Say whether no request runs or waits."""
        return self._pending == 0

    async def complete(self, request: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        """Run one chat completion, given in OpenAI's form with llama.cpp's options. Closing it stops the model.

        Raises:
            EngineError: the request is refused (400), too many wait (503), or the model fails (500).
        """
        if self._pending >= PARALLEL + MAX_PENDING:
            raise EngineError(503, "server busy, please try again.  maximum pending requests exceeded")
        chunks: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()  # bounded by the tokens of one answer
        cancelled = threading.Event()
        self._pending += 1
        run = self._runner(dict(request), chunks, cancelled)
        running = asyncio.get_running_loop().run_in_executor(self._threads, run)
        try:
            async for piece in _pieces(chunks):
                yield piece
            await running
        except ValueError as error:  # the engine's word for a request it does not understand
            raise EngineError(400, str(error)) from error
        finally:
            cancelled.set()
            running.cancel()
            self._pending -= 1

    def close(self) -> None:
        """Stop every request and give the memory back; blocks until the last has noticed."""
        self._threads.shutdown(cancel_futures=True)
        del self._server

    def _runner(
        self, request: dict[str, Any], chunks: asyncio.Queue[dict[str, Any] | None], cancelled: threading.Event
    ) -> Callable[[], None]:
        """Return what one thread does: it passes every chunk to the loop, and None when there are no more."""
        loop = asyncio.get_running_loop()
        request |= {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}

        def put(chunk: dict[str, Any] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)

        def take(chunk: dict[str, Any]) -> bool:
            put(chunk)
            return cancelled.is_set()

        def run() -> None:
            try:
                self._server.handle_chat_completions(request, take)
            finally:
                put(None)

        return run


async def _pieces(chunks: asyncio.Queue[dict[str, Any] | None]) -> AsyncGenerator[Piece, None]:
    """Turn the engine's chunks into pieces; chunks that only report progress give none."""
    reason = "stop"
    while (chunk := await chunks.get()) is not None:
        if "error" in chunk:
            raise EngineError(chunk["error"].get("code", 500), chunk["error"].get("message", "the model failed"))
        for choice in chunk["choices"]:
            reason = choice.get("finish_reason") or reason
            if thinking := choice["delta"].get("reasoning_content"):
                yield Thinking(thinking)
            if content := choice["delta"].get("content"):
                yield Content(content)
        if usage := chunk.get("usage"):
            timings = chunk.get("timings", {})
            yield Finish(
                reason=reason,
                prompt_tokens=usage["prompt_tokens"],
                completion_tokens=usage["completion_tokens"],
                prompt_ms=timings.get("prompt_ms", 0.0),
                completion_ms=timings.get("predicted_ms", 0.0),
            )


def _parameters(weights: Path, context_length: int, socket: Path) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_ctx = context_length
    parameters.n_batch = BATCH_TOKENS
    parameters.n_parallel = PARALLEL
    parameters.kv_unified = True
    parameters.cache_ram_mib = 0  # conversations are not kept beyond the slots they ran in
    parameters.cpuparams.n_threads = THREADS
    parameters.n_gpu_layers = NO_OFFLOAD
    parameters.warmup = False
    parameters.verbosity = -1  # prompts appear in what it logs
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.hostnames = [str(socket)]
    parameters.api_keys = [secrets.token_urlsafe()]
    return parameters
