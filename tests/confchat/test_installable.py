"""The page can be installed, with icons that are there, and without anything that keeps pages."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.test import Client

STATIC = Path(__file__).parents[2] / "static"


def test_the_manifest_names_icons_that_are_served() -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert f'rel="manifest" href="{settings.STATIC_URL}manifest.json"' in page
    manifest = json.loads((STATIC / "manifest.json").read_text())
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert Client().get(f"{settings.STATIC_URL}{icon['src']}").getvalue().startswith(b"<svg")


def test_no_service_worker_could_show_a_page_that_is_older_than_its_proof() -> None:
    scripts = [path for path in (STATIC / "js").rglob("*.js") if "serviceWorker" in path.read_text()]
    assert scripts == []
