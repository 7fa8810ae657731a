"""`verify.py` in an archive: the server's own verifier, which needs Python and `cryptography` alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from attestation.bundle import build_bundle
from attestation.program import is_program_file, program_files
from tests.attestation.scene import affirmed_bundle, build_scene
from tests.attestation.test_main import command

ROOT = Path(__file__).parents[2]
# Everything that cryptography itself is made of, and nothing else from outside the standard library.
ALLOWED = ("cryptography", "_cffi_backend", "cffi", "pycparser")
GUARD = f"""
import importlib.abc, runpy, sys
from pathlib import Path

ROOT = Path(sys.argv[1])
OURS = str(ROOT.resolve())

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {ALLOWED!r} or top in sys.stdlib_module_names or top == "attestation":
            return None
        raise ModuleNotFoundError(f"{{name}} is not on this machine", name=name)

sys.meta_path.insert(0, Guard())
sys.argv = [str(ROOT / "verify.py"), *sys.argv[2:]]
sys.path[:] = [path for path in sys.path if path and Path(path).resolve() != Path({str(ROOT)!r})]
try:
    runpy.run_path(str(ROOT / "verify.py"), run_name="__main__")
finally:
    import attestation
    assert attestation.__file__.startswith(OURS), attestation.__file__
"""


async def test_an_unpacked_archive_judges_itself_with_python_and_cryptography_alone(tmp_path: Path) -> None:
    scene = build_scene()
    bundle = await affirmed_bundle(scene)
    arguments = command(scene, bundle, tmp_path)
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(io.BytesIO(build_bundle(bundle))) as archive:
        archive.extractall(unpacked)
    done = run(unpacked, [*arguments[2:], "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["then"]["green"] is True
    (unpacked / "statement.bin").write_bytes(b"{}")
    assert run(unpacked, arguments[2:], tmp_path).returncode == 2


async def test_what_needs_the_network_says_that_it_is_not_here(tmp_path: Path) -> None:
    scene = build_scene()
    with zipfile.ZipFile(io.BytesIO(build_bundle(await affirmed_bundle(scene)))) as archive:
        archive.extractall(tmp_path)
    done = run(tmp_path, ["--pccs", "http://127.0.0.1:1"], tmp_path)
    assert done.returncode == 2
    assert "cannot fetch lists" in done.stderr


def test_the_program_is_only_what_verifying_needs() -> None:
    names = set(program_files())
    assert all(is_program_file(name) for name in names)
    assert "attestation/commands/verify.py" in names
    assert not names & {"attestation/models.py", "attestation/views.py", "attestation/pccs.py"}
    assert not is_program_file("attestation/../../x.py")
    assert not is_program_file("attestation.py")


def run(directory: Path, arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `verify.py` as on a machine that has nothing but Python and cryptography."""
    return subprocess.run(
        [sys.executable, "-I", "-c", GUARD, str(directory), *arguments],
        check=False,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )
