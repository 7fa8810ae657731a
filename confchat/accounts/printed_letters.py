"""Letters in development: printed where the server was started, on the output that its programs share."""

from __future__ import annotations

import sys
from typing import Any

from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Django's printing backend, on standard error: the supervisor shows nothing of a program's standard output."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, stream=sys.stderr, **options)
