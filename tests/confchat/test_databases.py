"""The database is the one that the settings name, and what cannot be read is refused without being repeated."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from confchat.databases import postgresql_database


def test_a_url_names_user_password_host_port_and_database() -> None:
    found = postgresql_database("postgresql://chat:p%40ss%2Fword@db.example:6432/conf%20chat?sslmode=verify-full")
    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "conf chat",
        "USER": "chat",
        "PASSWORD": "p@ss/word",
        "HOST": "db.example",
        "PORT": "6432",
    }
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert "synchronous_commit=on" in found["OPTIONS"]["options"]


def test_a_socket_is_named_by_its_directory() -> None:
    found = postgresql_database("postgres://chat@/chat?host=/run/postgresql")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("/run/postgresql", "", "chat")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://chat:secret@db/chat",
        "postgresql://chat:secret@db",
        "postgresql://chat:secret@db/a/b",
        "postgresql://chat:secret@db:port/chat",
        "postgresql://chat:secret@db/chat?options=-c%20fsync%3Doff",
        "postgresql://chat:secret@db/chat?sslmode",
        "postgresql://chat:secret@[db/chat",
        "secret",
    ],
)
def test_anything_else_is_refused_and_no_password_is_repeated(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        postgresql_database(url)
    assert "secret" not in str(refused.value)
