"""The browser's modules keep to their rooms: elements → models → protocol | attestation → crypto."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
JS = STATIC / "js"

ROOMS = {
    "main.js": {"chat.js", "lib"},
    "chat.js": {"elements", "models"},
    "language.js": set(),
    "elements": {"elements", "models", "lib"},
    "models": {"models", "protocol", "attestation", "crypto"},
    "protocol": {"protocol", "crypto"},
    "attestation": {"attestation", "crypto", "language.js"},
    "crypto": {"crypto", "vendor"},
    "lib": {"lib", "vendor", "language.js"},
}
TOUCHING_THE_PAGE = {"main.js", "language.js", "elements", "lib"}
IMPORT = re.compile(r"""(?<![.\w])(?:from|import)\s*\(?\s*["']([^"']+)["']""")
COMMENT = re.compile(r"/\*.*?\*/|(?m:^\s*//.*$)", re.DOTALL)
PAGE = re.compile(r"\b(document|window|HTMLElement|customElements)\b")
HTML_SINKS = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function)\b\s*[(=]")


def javascript_modules() -> list[str]:
    return sorted(path.relative_to(JS).as_posix() for path in JS.rglob("*.js"))


def targets(name: str) -> list[Path]:
    """Return what a module imports, as paths relative to `static/`."""
    found = IMPORT.findall(COMMENT.sub("", (JS / name).read_text()))
    assert all(target.startswith(".") for target in found), f"{name}: relative imports only"
    return [(JS / name).parent.joinpath(target).resolve().relative_to(STATIC) for target in found]


@pytest.mark.parametrize("name", javascript_modules())
def test_imports_stay_in_their_room(name: str) -> None:
    for target in targets(name):
        assert target.suffix == ".js", f"{target}: spell the extension"
        top = target.parts[1] if target.parts[0] == "js" else target.parts[0]
        assert top in ROOMS[Path(name).parts[0]], f"{name} may not import {target}"


@pytest.mark.parametrize("name", javascript_modules())
def test_only_elements_and_lib_touch_the_page(name: str) -> None:
    source = COMMENT.sub("", (JS / name).read_text())
    assert Path(name).parts[0] in TOUCHING_THE_PAGE or not PAGE.search(source)


@pytest.mark.parametrize("name", javascript_modules())
def test_no_module_writes_html(name: str) -> None:
    assert not HTML_SINKS.search(COMMENT.sub("", (JS / name).read_text()))


def test_modules_form_no_cycle() -> None:
    graph = {f"js/{name}": [target.as_posix() for target in targets(name)] for name in javascript_modules()}
    TopologicalSorter(graph).prepare()


def test_the_verifier_depends_on_no_library() -> None:
    names = [name for name in javascript_modules() if name.startswith("attestation/")]
    assert names
    assert all(target.parts[0] == "js" for name in names for target in targets(name))
