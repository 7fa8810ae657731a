"""What around the product would undo it: prompts in a log, on a disk, in a core dump, or sent to somebody's cloud.

Each is found in what the kernel says (proc(5)); the functions that judge take its texts, and `find_traps` reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from confchat.model_server import PROC, find_process, is_on, parse_environment

SYS = Path("/sys")

# By code: what is the case, what to do, and whether it is refused outside development.
_WORDS: dict[str, tuple[str, str, bool]] = {
    "swap_exposed": (
        gettext_noop("Swap is not encrypted, and what is in memory may be written there: %(names)s."),
        gettext_noop("swapoff it, or put it on dm-crypt or zram."),
        True,
    ),
    "core_dumps_piped": (
        gettext_noop("Core dumps of crashed programs are handed to another program: %(names)s."),
        gettext_noop("sysctl -w kernel.core_pattern=/dev/null; this product's web server leaves none."),
        False,
    ),
    "requests_logged": (
        gettext_noop("The model server writes down what it is asked: %(names)s."),
        gettext_noop("Start it with these set to 0, as deploy/systemd/ollama.conf does."),
        True,
    ),
    "cloud_allowed": (
        gettext_noop("The model server may pass questions on to its maker's cloud: %(names)s is not set."),
        gettext_noop("Start it with OLLAMA_NO_CLOUD=1, as deploy/systemd/ollama.conf does."),
        True,
    ),
    "models_elsewhere": (
        gettext_noop("The model server has its models elsewhere than what is measured: in %(names)s."),
        gettext_noop("Give OLLAMA_MODELS the same value for both."),
        True,
    ),
    "server_unseen": (
        gettext_noop("Whether the model server logs requests or uses a cloud is unknown: %(names)s."),
        gettext_noop("Its process can be looked at with CAP_SYS_PTRACE only: docs/deploy.md, section 2."),
        False,
    ),
}


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap by its code, with the devices, settings or programs that it is about."""

    code: str
    names: str

    @property
    def sentence(self) -> str:
        """Return what is the case."""
        return _(_WORDS[self.code][0]) % {"names": self.names}

    @property
    def remedy(self) -> str:
        """Return what to do."""
        return _(_WORDS[self.code][1])

    @property
    def is_refused(self) -> bool:
        """Say whether nothing is served with it, outside development."""
        return _WORDS[self.code][2]


def find_traps(*, proc: Path = PROC, sys: Path = SYS) -> tuple[Trap, ...]:
    """Return the traps of this machine and of the model server that is configured; blocks."""
    found = [
        *judge_swaps(_text(proc / "swaps"), lambda device: _crypt_id(Path(device), sys)),
        *judge_core_pattern(_text(proc / "sys" / "kernel" / "core_pattern")),
    ]
    if settings.CONFCHAT_ENGINE == "ollama" and settings.CONFCHAT_OLLAMA_HOST and not settings.CONFCHAT_EMBEDDED_MODEL:
        found += _look_at_server(settings.CONFCHAT_OLLAMA_HOST, proc)
    return tuple(found)


def judge_swaps(swaps: str, crypt_id: Callable[[str], str]) -> Iterator[Trap]:
    """Judge /proc/swaps; `crypt_id` is what device-mapper calls a device, empty for others."""
    devices = [line.split()[0] for line in swaps.splitlines()[1:] if line.strip()]
    exposed = [name for name in devices if not name.startswith("/dev/zram") and not crypt_id(name).startswith("CRYPT-")]
    if exposed:
        yield Trap("swap_exposed", ", ".join(exposed))


def judge_core_pattern(pattern: str) -> Iterator[Trap]:
    """Judge kernel.core_pattern: a limit of 0 does not stop a dump that is piped away (core(5))."""
    if pattern.startswith("|"):
        yield Trap("core_dumps_piped", pattern[1:].split(" ", 1)[0].strip())


def judge_model_server(environment: Mapping[str, str], *, models: Path) -> Iterator[Trap]:
    """Judge how Ollama was started (its envconfig); `models` is where its models are measured."""
    logging = [name for name in ("OLLAMA_DEBUG", "OLLAMA_DEBUG_LOG_REQUESTS") if is_on(environment, name)]
    if logging:
        yield Trap("requests_logged", ", ".join(logging))
    if not is_on(environment, "OLLAMA_NO_CLOUD"):
        yield Trap("cloud_allowed", "OLLAMA_NO_CLOUD")
    served = environment.get("OLLAMA_MODELS", "")
    if served and os.path.realpath(served) != os.path.realpath(models):
        yield Trap("models_elsewhere", served)


def _look_at_server(host: str, proc: Path) -> list[Trap]:
    pid = find_process(host, proc=proc)
    if pid is None:
        return [Trap("server_unseen", _("no process can be seen that answers at %(host)s") % {"host": host})]
    try:
        environment = parse_environment((proc / str(pid) / "environ").read_bytes())
    except OSError as error:
        return [Trap("server_unseen", error.strerror or str(error))]
    return list(judge_model_server(environment, models=settings.CONFCHAT_OLLAMA_MODELS))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _crypt_id(device: Path, sys: Path) -> str:
    """Return the id that dm-crypt gave a block device (`CRYPT-…`), empty where it has none."""
    return _text(sys / "class" / "block" / device.resolve().name / "dm" / "uuid")
