"""Passwords that are made for people, to be read once and typed."""

from __future__ import annotations

import secrets

# No letter or digit that looks like another; 16 of 31 signs are 79 bits.
READABLE_SIGNS = "23456789abcdefghijkmnpqrstuvwxyz"
PASSWORD_GROUP_SIZES = (4, 4, 4, 4)


def random_password() -> str:
    """Return a password in groups of signs."""
    return "-".join("".join(secrets.choice(READABLE_SIGNS) for _ in range(size)) for size in PASSWORD_GROUP_SIZES)
