"""Every import respects the plan of rooms in docs/ARCHITECTURE.md.

The plan is written down twice: in prose for people, and here. Changing it is a decision with a record under docs/adr/.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"quote_ext", "attestation", "confchat"}
DJANGO = {"django", "channels", "allauth", "whitenoise"}
NETWORK = {
    *("aiohttp", "http.client", "httpx", "httpx_aiohttp", "ollama", "socket", "ssl", "urllib.request", "uvicorn"),
    *("requests", "websockets"),
}
GUARDED = OURS | DJANGO | NETWORK | {"cryptography", "fsspec", "jwt", "subprocess", "xllamacpp"}

# Module or package -> everything in GUARDED that it may import; the longest match wins.
ATTESTATION_PURE = {"attestation", "cryptography"}
ROOMS = {
    "quote_ext": {"quote_ext"},
    "attestation": ATTESTATION_PURE,
    "attestation.__main__": {"attestation"},
    "attestation.again": {"attestation", "django"},
    "attestation.approval_pages": {"attestation", "django"},
    "attestation.oneself": {"attestation", "allauth", "django"},
    "attestation.policy_changes": {"attestation", "django"},
    "attestation.proposal_form": {"attestation", "django"},
    "attestation.proposals": {"attestation", "cryptography", "django"},
    "attestation.apps": {"django"},
    "attestation.attester": {"attestation", "quote_ext"},
    "attestation.database": {"attestation", "django"},
    "attestation.client": {"attestation"},
    "attestation.client.connection": {"attestation", "websockets"},
    "attestation.commands": {"attestation"},
    "attestation.commands.release": {"attestation", "cryptography"},
    "attestation.comparison": {"attestation", "django"},
    "attestation.forms": {"attestation", "django"},
    "attestation.export": {"attestation", "django"},
    "attestation.hardware": {"attestation", "quote_ext"},
    "attestation.gpu_collector": {"attestation"},
    "attestation.history": {"attestation", "django"},
    "attestation.kbs": {"attestation", "cryptography"},
    "attestation.kbs.broker": {"attestation", "httpx"},
    "attestation.kbs.client": {"attestation", "httpx"},
    "attestation.kbs.devbroker.serving": {"attestation", "uvicorn"},
    "attestation.key_files": {"attestation", "cryptography"},
    "attestation.log.comparing": {"attestation", "django"},
    "attestation.log_pages": {"attestation", "django"},
    "attestation.log.entries": {"attestation", "django"},
    "attestation.log.store": {"attestation", "django"},
    "attestation.log.witness": {"attestation", "httpx"},
    "attestation.log.witnessing": {"attestation", "django"},
    "attestation.management": {"attestation", "django"},
    "attestation.migrations": {"attestation", "django"},
    "attestation.models": {"attestation", "django"},
    "attestation.overview_presentation": {"attestation", "django"},
    "attestation.news": {"attestation", "django"},
    "attestation.pages": {"attestation", "django"},
    "attestation.pccs": {"attestation", "httpx"},
    "attestation.presentation": {"attestation", "django"},
    "attestation.publication": {"attestation", "cryptography", "django"},
    "attestation.records": {"attestation", "django"},
    "attestation.search": {"attestation", "django"},
    "attestation.services": {"attestation", "cryptography", "httpx"},
    "attestation.services.caller": {"attestation", "httpx", "ssl"},
    "attestation.services.serving": {"attestation", "httpx", "uvicorn"},
    "attestation.services.tls": {"attestation", "cryptography", "httpx", "ssl"},
    "attestation.simulator": {"attestation", "cryptography"},
    "attestation.simulator.pcs": {"attestation"},
    "attestation.simulator.server": {"attestation", "socket", "uvicorn"},
    "attestation.simulator.sockets": {"attestation", "socket"},
    "attestation.site": {"attestation", "httpx"},
    "attestation.this_machine": {"attestation", "django"},
    "attestation.urls": {"attestation", "django"},
    "attestation.watch": {"attestation"},
    "attestation.watch.channels": {"attestation", "django", "httpx"},
    "attestation.watch.concerns": {"attestation", "django"},
    "attestation.verify_pages": {"attestation", "django"},
    "attestation.verify_run": {"attestation"},
    "attestation.views": {"attestation", "django"},
    "attestation.policy_form": {"attestation", "django"},
    "attestation.workspace": {"attestation", "django"},
    "confchat": {"confchat", "attestation", "django"},
    "confchat.accounts": {"confchat", "django"},
    "confchat.accounts.access_tokens": {"confchat", "attestation", "django"},
    "confchat.accounts.adapter": {"confchat", "allauth", "django"},
    "confchat.accounts.farewell": {"confchat", "attestation", "django"},
    "confchat.accounts.pages": {"confchat", "allauth", "django"},
    "confchat.accounts.people_pages": {"confchat", "allauth", "django"},
    "confchat.accounts.roles": {"confchat", "allauth", "django"},
    "confchat.accounts.second_factors": {"confchat", "allauth", "cryptography", "django"},
    "confchat.accounts.signed_in": {"confchat", "allauth", "django"},
    "confchat.accounts.token_pages": {"confchat", "allauth", "django"},
    "confchat.first_passwords": set(),
    "confchat.oidc": {"confchat", "allauth", "django"},
    "confchat.oidc.discovery": {"confchat", "allauth", "requests"},
    "confchat.oidc.token": {"jwt"},
    "confchat.sign_on": {"django"},
    "confchat.asgi": {"confchat", "attestation", "django", "channels"},
    "confchat.changes": set(),
    "confchat.checks": {"confchat", "attestation", "django"},
    "confchat.collateral": {"confchat", "attestation", "django", "httpx"},
    "confchat.consumers": {"confchat", "attestation", "django"},
    "confchat.admission": {"confchat", "attestation", "channels", "django"},
    "confchat.deployment": {"confchat", "attestation", "cryptography", "django"},
    "confchat.databases": {"django"},
    "confchat.env": {"django"},
    "confchat.frames": {"confchat", "attestation"},
    "confchat.group_commit": {"confchat", "channels", "django"},
    "confchat.history_pages": {"confchat", "django", "allauth", "asgiref"},
    "confchat.starting_over": {"confchat", "django"},
    "confchat.history_key": {"confchat", "attestation", "cryptography"},
    "confchat.installation": {"confchat", "attestation", "cryptography", "django"},
    "confchat.llm": {"confchat"},
    "confchat.llm.devengine": {"confchat", "xllamacpp"},
    "confchat.llm.devserver": {"confchat", "uvicorn"},
    "confchat.model_opening": {"confchat", "attestation", "subprocess"},
    "confchat.service_manager": {"socket"},
    "confchat.llm.eas": {"confchat", "httpx"},
    "confchat.llm.endpoint": {"confchat", "httpx", "httpx_aiohttp", "aiohttp"},
    "confchat.llm.ndjson": {"httpx"},
    "confchat.llm.openai": {"confchat", "httpx"},
    "confchat.llm.ollama": {"confchat", "ollama", "httpx", "httpx_aiohttp", "aiohttp"},
    "confchat.management.commands.kbs_devserver": {"confchat", "attestation", "cryptography", "django"},
    "confchat.management.commands.release": {"confchat", "attestation", "django"},
    "confchat.management.commands.serve": {"confchat", "attestation", "django", "socket"},
    "confchat.compression": {"django"},
    "confchat.middleware": {"django"},
    "confchat.migrations": {"confchat", "django"},
    "confchat.programs": {"confchat", "socket"},
    "confchat.reference_release": {"confchat", "attestation", "cryptography"},
    "confchat.members": {"attestation"},
    "confchat.request_members": {"confchat", "attestation"},
    "confchat.deletion": {"confchat", "attestation", "django"},
    "confchat.imported": {"confchat", "attestation"},
    "confchat.janitor": {"confchat"},
    "confchat.documents": {"confchat"},
    "confchat.requests": {"confchat"},
    "confchat.search_index": set(),
    "confchat.searching": {"confchat"},
    "confchat.turns": set(),
    "confchat.requests.history": {"confchat", "django"},
    "confchat.session": {"confchat"},
    "confchat.settings": {"confchat"},
    "confchat.sockets": {"confchat", "attestation", "channels"},
    "confchat.supervisor": set(),
    "confchat.vault": {"confchat", "attestation", "cryptography"},
    "confchat.vault.sam": {"confchat", "subprocess"},
    "confchat.vault.storage": {"confchat", "fsspec"},
    "confchat.own_memory": set(),
    "confchat.web_server": {"confchat", "socket", "uvicorn"},
}

# Bytes, time and policy in, values out: neither Django nor the network, nor anything that imports them.
PURE = (
    "attestation.__main__",
    "attestation.appraisal",
    "attestation.bulk",
    "attestation.bundle",
    "attestation.commands.arguments",
    "attestation.commands.verify",
    "attestation.client.access",
    "attestation.client.answers",
    "attestation.client.handshake",
    "attestation.client.history_keys",
    "attestation.collateral",
    "attestation.eventlog",
    "attestation.evidence",
    "attestation.kbs.rcar",
    "attestation.kbs.sealed",
    "attestation.kbs.uri",
    "attestation.log.checkpoint",
    "attestation.log.cosignature",
    "attestation.log.follower",
    "attestation.log.leaves",
    "attestation.log.merkle",
    "attestation.log.proof",
    "attestation.log.signer",
    "attestation.log.tiles",
    "attestation.pki",
    "attestation.named_policies",
    "attestation.policy",
    "attestation.policy_text",
    "attestation.quote",
    "attestation.reference_values",
    "attestation.release_drafts",
    "attestation.workload",
    "attestation.statement",
    "attestation.tcb",
    "attestation.token",
    "attestation.answers",
    "attestation.channel",
    "confchat.documents.child",
    "confchat.documents.document",
    "confchat.expense",
    "confchat.turns",
    "confchat.frames",
    "confchat.members",
    "confchat.parameters",
    "confchat.request_members",
    "confchat.vault.decrypting",
    "confchat.vault.encrypting",
    "confchat.vault.keys",
    "confchat.vault.model_directory",
)


@cache
def python_modules() -> tuple[str, ...]:
    paths = [path.relative_to(ROOT) for package in sorted(OURS) for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(".".join(part for part in path.with_suffix("").parts if part != "__init__") for path in paths)


@cache
def imports(module: str) -> frozenset[str]:
    """Return the dotted names a module imports; `from a import b` gives `a` and `a.b`."""
    return frozenset(_imports(module))


def _imports(module: str) -> Iterator[str]:
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: use absolute imports"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def guarded(module: str) -> set[str]:
    """Return which of GUARDED a module imports, by whole names: `urllib.parse` is not `urllib.request`."""
    return {name for name in GUARDED for other in imports(module) if f"{other}.".startswith(f"{name}.")}


def room_of(module: str) -> set[str]:
    names = module.split(".")
    prefixes = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return ROOMS[next(prefix for prefix in prefixes if prefix in ROOMS)]


def our_imports(module: str) -> set[str]:
    """Return those of our own modules that a module names in its imports."""
    return imports(module) & set(python_modules())


@pytest.mark.parametrize("module", python_modules())
def test_imports_stay_in_their_room(module: str) -> None:
    assert guarded(module) <= room_of(module)


def test_every_room_of_the_plan_exists() -> None:
    modules = set(python_modules())
    assert [room for room in ROOMS if room not in modules] == []


def test_modules_form_no_cycle() -> None:
    graph = {module: our_imports(module) - {module} for module in python_modules()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_reach_neither_django_nor_the_network(module: str) -> None:
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += our_imports(name)
    assert {name: foreign for name in reached if (foreign := guarded(name) & (DJANGO | NETWORK))} == {}


def test_only_settings_env_and_its_users_read_the_environment() -> None:
    readers = {module for module in python_modules() if "os.environ" in _source(module) or "getenv" in _source(module)}
    # asgi.py names the settings module; the supervisor hands its own environment to its programs.
    assert readers <= {"confchat.env", "confchat.asgi", "confchat.supervisor"}


def _source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
