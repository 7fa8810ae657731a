"""Budgets a minute, counted in Django's cache."""

from __future__ import annotations

import time

from django.core.cache import cache

WINDOW_S = 60


def spend(budget: str, who: str, *, limit: int) -> bool:
    """Count one use of `budget` by `who` in the present minute; say whether it was within `limit`."""
    key = f"budget/{budget}/{int(time.time()) // WINDOW_S}/{who}"
    cache.add(key, 0, timeout=WINDOW_S)
    try:
        return cache.incr(key) <= limit
    except ValueError:  # the minute ended in between
        return True
