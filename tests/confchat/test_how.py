"""The page that says what a green badge proves, and what it does not."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.django_db
def test_anyone_may_read_what_a_green_badge_does_not_prove() -> None:
    page = Client().get("/how/", headers={"host": "localhost:8000"})
    assert page.status_code == 200
    text = page.content.decode()
    assert "What it does not prove" in text
    assert "python -m attestation attest http://localhost:8000" in text


@pytest.mark.django_db
def test_the_way_in_leads_to_it() -> None:
    assert 'href="/how/"' in Client().get("/accounts/login/").content.decode()
