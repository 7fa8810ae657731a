"""What operators copy to their machines is of its form, and names only what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.test_documents import ROOT, settings_read

DEPLOY = ROOT / "deploy"
PAGES = sorted((ROOT / "docs").glob("deploy*.md"))
# Files that a document tells people to copy or to run.
NAMED = re.compile(r"\bdeploy/[a-z0-9_./-]+\.[a-z]+")
VARIABLE = re.compile(r"\b(CONFCHAT_[A-Z_]+[A-Z])\b")


def run(*command: str, directory: Path) -> str:
    result = subprocess.run(
        command, cwd=directory, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: install systemd")
def test_units_are_what_systemd_knows(tmp_path: Path) -> None:
    (tmp_path / "ollama.service.d").mkdir()
    (tmp_path / "ollama.service").write_text("[Service]\nExecStart=/bin/true\n")
    for name in ("ollama.conf", "ollama-encrypted.conf"):
        shutil.copy(DEPLOY / "systemd" / name, tmp_path / "ollama.service.d" / name)
    units = sorted((DEPLOY / "systemd").glob("*.service"))
    for path in units:
        # The paths of an installed product are not here.
        here = path.read_text().replace("/opt/confchat/.venv/bin/python", "/bin/true")
        here = re.sub(r"EnvironmentFile=.*\n", "", here.replace("/opt/confchat", str(tmp_path)))
        (tmp_path / path.name).write_text(here)
    named = (f"./{name}" for name in ("ollama.service", *(path.name for path in units)))
    found = run("systemd-analyze", "verify", "--man=no", *named, directory=tmp_path)
    ours = [line for line in found.splitlines() if "confchat" in line or "ollama" in line]
    assert ours == [], "systemd does not know what stands in a unit"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx: install nginx")
def test_terminator_is_what_nginx_knows(tmp_path: Path) -> None:
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=chat.example"),
        *("-keyout", "privkey.pem", "-out", "fullchain.pem"),
        directory=tmp_path,
    )
    ours = (DEPLOY / "nginx" / "confchat.conf").read_text().replace("/etc/letsencrypt/live/chat.example", str(tmp_path))
    (tmp_path / "confchat.conf").write_text(ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    whole = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {places} include {tmp_path}/confchat.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole)
    found = run("nginx", "-t", "-q", "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr", directory=tmp_path)
    assert "warn" not in found


def test_only_settings_that_exist_are_named() -> None:
    known = set(settings_read())
    for path in (*PAGES, *sorted(DEPLOY.rglob("*.service")), *sorted(DEPLOY.rglob("*.env"))):
        assert set(VARIABLE.findall(path.read_text())) <= known, path.name


def test_environment_file_is_read_by_systemd_as_it_is_meant() -> None:
    lines = (DEPLOY / "systemd" / "confchat.env").read_text().splitlines()
    settings = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert set(settings) <= set(settings_read()) | {"HOST", "PORT", "OLLAMA_HOST"}
    assert len(settings) == len(set(settings))
    assert not any(line.count("#") and not line.startswith("#") for line in lines), (
        "systemd knows no comment behind a value"
    )


def test_files_that_pages_name_are_there() -> None:
    assert len(PAGES) == 4
    for page in PAGES:
        missing = [name for name in NAMED.findall(page.read_text()) if not (ROOT / name).exists()]
        assert missing == [], page.name


def test_unit_leaves_the_devices_and_files_that_quotes_come_from() -> None:
    names = {line.partition("=")[0] for line in (DEPLOY / "systemd" / "confchat.service").read_text().splitlines()}
    # ProtectClock implies a DeviceAllow, after which no other device may be opened (systemd.exec(5)).
    assert not names & {"PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock", "ProtectKernelTunables"}


def test_unit_keeps_prompts_out_of_cores_and_swap() -> None:
    for name in ("confchat.service", "confchat-models.service", "ollama.conf"):
        unit = (DEPLOY / "systemd" / name).read_text()
        assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(unit.splitlines()), name
