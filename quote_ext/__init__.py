"""Quotes of an Intel TDX guest: one function for each way to ask for one; no policy, no parsing, no logging."""

from __future__ import annotations

try:
    from quote_ext._tdx import configfs_quote, qgs_quote
except ImportError as error:
    raise ImportError("quote_ext is not built: run `python quote_ext/setup.py build_ext --inplace`") from error

__all__ = ["configfs_quote", "qgs_quote"]
