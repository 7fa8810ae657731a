"""The watch of the real product: it asks the server that runs, and tells once when that changes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
from pytest_django import Settings

from attestation.simulator.changes import apply_change
from confchat.checks import check_settings
from confchat.model_states import ModelState, ModelStates
from confchat.watch import build_watch
from tests.confchat.unlock_scene import members_of
from tests.product import ROOT, Server, running_server

SECRET = base64.b64encode(bytes(range(32))).decode()


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Give the address of a webhook, and what it was told."""
    told: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", told
        server.shutdown()


def look(server: Server) -> tuple[int, str]:
    command = [sys.executable, "manage.py", "watch", "--once"]
    result = subprocess.run(
        command, cwd=ROOT, env=server.environment, check=False, capture_output=True, text=True, timeout=60
    )
    return result.returncode, result.stdout


@contextmanager
def opened_model(data_dir: Path) -> Iterator[Path]:
    """Leave a model open in memory that nobody keeps; give its place."""
    with tempfile.TemporaryDirectory(prefix="confchat-watch-", dir="/dev/shm") as opened:
        (Path(opened) / "model.gguf").write_bytes(b"weights")
        records = data_dir / "encrypted-models"
        records.mkdir()
        (records / "small.json").write_text(json.dumps(members_of("https://b.example", data_dir, Path(opened))))
        ModelStates(data_dir / "model-states").write("small", ModelState(state="unlocked", at=1, way="decrypt"))
        yield Path(opened)


def test_change_of_the_platform_is_told_once_and_shown_and_locks_models(tmp_path: Path) -> None:
    with webhook() as (address, told):
        settings = {
            "CONFCHAT_WATCH_WEBHOOK": address,
            "CONFCHAT_WATCH_WEBHOOK_SECRET": SECRET,
            "CONFCHAT_WATCH_MINUTES": "60",
            "CONFCHAT_METRICS_TOKEN": "figures",
        }
        with running_server(tmp_path / "data", **settings) as server, opened_model(tmp_path / "data") as opened:
            assert server.pid_of("django\0watch")
            assert look(server)[0] == 0
            assert told == []
            assert list(opened.iterdir())
            apply_change(server.data_dir / "simulator", "revoke")
            status, said = look(server)
            assert (status, "quote.chain (certificate_revoked)" in said) == (1, True)
            assert not list(opened.iterdir())
            assert len(told) == 1
            (change,) = told[0]["data"]["changes"]  # type: ignore[index]
            assert (change["kind"], change["state"]) == ("outcome", "begun")
            figures = httpx.get(
                f"{server.address}/metrics", headers={"Authorization": "Bearer figures"}, trust_env=False
            ).text
            assert 'confchat_watch_concerns{kind="outcome"} 1.0' in figures


def test_what_could_tell_nobody_stops_the_start(settings: Settings) -> None:
    settings.EMAIL_HOST, settings.CONFCHAT_WATCH_MAIL_TO = "", ("ops@example.org",)
    settings.CONFCHAT_WATCH_WEBHOOK, settings.CONFCHAT_WATCH_WEBHOOK_SECRET = "http://hooks.example/", "short"
    assert {"confchat.E007", "confchat.E008", "confchat.E009"} <= {message.id for message in check_settings(None)}


def test_server_is_asked_behind_its_terminator(settings: Settings) -> None:
    settings.CONFCHAT_HOST, settings.CONFCHAT_PORT = "0.0.0.0", 8123
    settings.CONFCHAT_ORIGINS = ("https://chat.example",)
    settings.CONFCHAT_WATCH_MAIL_TO = ("ops@example.org",)
    watch = build_watch()
    assert (watch.url, watch.origin) == ("http://127.0.0.1:8123", "https://chat.example")
    assert [channel.name for channel in watch.channels] == ["log", "mail"]
