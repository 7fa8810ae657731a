"""No page runs or loads anything but our own files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))
SOURCES_ALLOWED = {"'none'", "'self'", "data:", "blob:"}
STRICT = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
    "require-trusted-types-for": {"'script'"},
}
TAG = re.compile(r"<[a-z][^>]*>", re.IGNORECASE | re.DOTALL)
INLINE = re.compile(r"""\s(style|on[a-z]+)\s*=|<style\b|<script\b(?![^>]*\bsrc=)|javascript:""", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"""\b(src|srcset|action|data|poster)\s*=\s*["']?\s*(https?:)?//|<link[^>]*href\s*=\s*["']?(https?:)?//"""
)


def policy_of(path: str) -> dict[str, set[str]]:
    header = Client().get(path)["Content-Security-Policy"]
    directives = [part.split() for part in header.split(";")]
    return {name: set(values) for name, *values in directives}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/", "/no-such-page", "/healthz", "/attestation/"])
def test_every_answer_carries_the_strict_policy(path: str) -> None:
    policy = policy_of(path)
    assert {name: policy.get(name) for name in STRICT} == STRICT
    sources = {name: values for name, values in policy.items() if name.endswith("-src")}
    assert all(values <= SOURCES_ALLOWED for values in sources.values())


@pytest.mark.django_db
def test_only_the_sanitiser_may_make_markup() -> None:
    assert policy_of("/accounts/login/")["trusted-types"] == {"dompurify"}


@pytest.mark.django_db
def test_pages_are_not_cached_framed_or_told_to_others() -> None:
    response = Client().get("/accounts/login/")
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_nothing_inline_and_load_nothing_from_elsewhere(path: Path) -> None:
    tags = TAG.findall(path.read_text())
    assert [tag for tag in tags if INLINE.search(tag) or ELSEWHERE.search(tag)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_name_what_was_made_of_scripts_and_styles_and_never_their_sources(path: Path) -> None:
    assert re.findall(r"{% static '(?:js|css)/[^']*' %}", path.read_text()) == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_load_nothing_from_elsewhere(path: Path) -> None:
    assert not re.search(r"""@import|url\(\s*["']?\s*(https?:)?//""", path.read_text())
