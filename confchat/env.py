"""Typed reading of the process environment; a value that cannot be read stops the program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

Choice = TypeVar("Choice", bound=str)


def text(name: str, default: str) -> str:
    """Return a variable, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def choice(name: str, default: Choice, *, among: tuple[Choice, ...]) -> Choice:
    """Return a variable that must be one of `among`."""
    value = text(name, default)
    for known in among:
        if known == value:
            return known
    raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(among)}.")


def flag(name: str, *, default: bool) -> bool:
    """Return a variable that must be exactly `1` or `0`."""
    return choice(name, "1" if default else "0", among=("0", "1")) == "1"


def integer(name: str, default: int, *, least: int = 0) -> int:
    """Return a variable that must be a whole number, `least` or more."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number, {least} or more.")
    return int(value)


def path(name: str, default: Path) -> Path:
    """Return a variable as an absolute path."""
    return Path(text(name, str(default))).expanduser().absolute()


def path_or_none(name: str) -> Path | None:
    """Return a variable as an absolute path, None where it is unset or empty."""
    value = text(name, "")
    return Path(value).expanduser().absolute() if value else None


def everything() -> dict[str, str]:
    """Return the whole environment, for whoever picks of it what another program may see."""
    return dict(os.environ)


def others() -> dict[str, str]:
    """Return the environment without what is for this product or its service manager, for a program beside it."""
    ours = ("CONFCHAT_", "NOTIFY_SOCKET", "WATCHDOG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def words(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a variable as its comma-separated words."""
    value = os.environ.get(name)
    if not value:
        return default
    return tuple(word.strip() for word in value.split(",") if word.strip())


def refuse(*names: str, instead: str) -> None:
    """Stop the program where a variable is set that is not read any more; `instead` is what took its place."""
    found = [name for name in names if name in os.environ]
    if found:
        raise ImproperlyConfigured(f"{', '.join(found)} has no meaning any more: use {instead}.")
