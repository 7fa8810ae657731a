"""`python -m attestation chat`: talk to an attested machine from a terminal or a script, or not at all.

What is asked comes from standard input, never from the command line, which every user of a computer can read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attestation.client import NotAttestedError, Session, connect, read_access_token, read_history_key
from attestation.client.answers import Answer
from attestation.commands.arguments import add_accepted, add_trusted, read_anchors
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.printing import printable
from attestation.report import SIMULATED, check_lines, ending, result_members

# Ways in which an answer ends that are an answer: the model had said all, or as much as it was asked for.
COMPLETE = frozenset({"stop", "length"})
_PROMPT = "> "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("url", metavar="URL", help="the site's address, such as https://chat.example")
    parser.add_argument(
        "--token-file", type=Path, required=True, metavar="FILE", help="an access token, in a file of yours alone"
    )
    parser.add_argument("--model", metavar="NAME", help="another model than the server's own choice")
    parser.add_argument(
        "--history-key-file",
        type=Path,
        metavar="FILE",
        help="your recovery code, in a file of yours alone: conversations are then kept as your browser's are",
    )
    parser.add_argument("--conversation", metavar="ID", help="go on with a conversation that was kept")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="end each answer after so many tokens")
    parser.add_argument("--effort", metavar="WORD", help="how much it should think, where the model offers it")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each answer instead of text")
    trusted = add_trusted(parser)
    trusted.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="where operators' keys and their logs are remembered; at first use the server's own word is taken for its "
        "key, this once",
    )
    add_accepted(parser)


def run(options: argparse.Namespace) -> bool:
    """Talk; return whether the machine proved itself every time. Raises `AttestationError`."""
    try:
        return asyncio.run(_talk(options))
    except NotAttestedError as error:
        _say(*check_lines(error.result.checks), "", *ending(error.result, []))
        _say(f"NOTHING WAS SAID TO IT: {error.detail}")
    except AppraisalError as error:
        _say(f"NOTHING MORE IS SAID TO IT: {error.detail}")
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    return False


async def _talk(options: argparse.Namespace) -> bool:
    anchors = read_anchors(options, nonce=None, conversation=None, origin=None, suites=None)
    if not anchors.release_keys:
        raise ConfigurationError("without --release-key no release is known, and no machine can prove what it runs")
    key_file: Path | None = options.history_key_file
    async with connect(
        options.url,
        token=read_access_token(options.token_file).to_text(),
        anchors=anchors,
        state=options.state,
        model=options.model,
        conversation=options.conversation,
        history_key=None if key_file is None else read_history_key(key_file),
        clock=options.clock,
    ) as session:
        _introduce(session)
        async for text in _questions():
            await _answer(session, text, options)
        if key_file is not None:
            _say(f"Kept as --conversation {session.conversation}")
    return True


def _introduce(session: Session) -> None:
    """Say to whom one talks, on the error stream: what answers is all that is on the other."""
    statement = session.result.statement
    model = "" if statement is None else f", model {statement.model_name}, release {statement.release_version}"
    _say(f"Verified: every check holds{model}; record {session.proved.record}")
    if session.result.simulated:
        _say(SIMULATED)
    if session.key_from == "first use":
        _say("FIRST USE: this operator's key was not known here. The server's own word was taken for it, this once.")


async def _questions() -> AsyncIterator[str]:
    """Yield what is asked: line by line where a person types, else all that comes in as one."""
    if not sys.stdin.isatty():
        text = await asyncio.to_thread(sys.stdin.read)
        if not text.strip():
            raise ConfigurationError("nothing is asked on standard input")
        yield text
        return
    while True:
        _write(sys.stderr, _PROMPT)
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        if line.strip():
            yield line.strip()


async def _answer(session: Session, text: str, options: argparse.Namespace) -> None:
    """Ask, and write what comes, as it comes. Raises `MalformedError` where no whole answer came."""
    ways: dict[str, Any] = {} if options.max_tokens is None else {"options": {"num_predict": options.max_tokens}}
    if options.effort is not None:
        ways["effort"] = options.effort
    async with _interruptible(session):
        async for piece in session.ask(text, **ways):
            if not options.json:
                _write(sys.stdout, piece.content)
    answer = session.newest
    _write(sys.stdout, json.dumps(to_members(session, answer), ensure_ascii=False) + "\n" if options.json else "\n")
    if answer.reason not in COMPLETE and not sys.stdin.isatty():
        raise MalformedError(f"the answer is not whole: {answer.error or answer.reason}")


def to_members(session: Session, answer: Answer) -> dict[str, Any]:
    """Return an answer, and who gave it, as members of a JSON object."""
    statement = session.result.statement
    return {
        "conversation": session.conversation,
        "message": answer.message,
        "reply": answer.reply,
        "model": None if statement is None else {"name": statement.model_name, "digest": statement.model_digest},
        "thinking": answer.thinking,
        "content": answer.content,
        "reason": answer.reason,
        "error": answer.error or None,
        "usage": dict(answer.usage),
        "record": session.proved.record,
        "operator_key": session.key_from,
        "attestation": result_members(session.result),
    }


@asynccontextmanager
async def _interruptible(session: Session) -> AsyncIterator[None]:
    """Where a person types, let Ctrl-C end the answer and not the program."""
    if not sys.stdin.isatty():
        yield
        return
    loop = asyncio.get_running_loop()
    stops: set[asyncio.Task[None]] = set()
    loop.add_signal_handler(signal.SIGINT, lambda: stops.add(loop.create_task(session.stop())))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await asyncio.gather(*stops, return_exceptions=True)


def _say(*lines: str) -> None:
    for line in lines:
        _write(sys.stderr, printable(line) + "\n")


def _write(stream: Any, text: str) -> None:
    """Write at once; on a terminal nothing that could paint over what stands there."""
    if stream.isatty():
        text = "".join(character if character in "\n\t" else printable(character) for character in text)
    stream.write(text)
    stream.flush()
