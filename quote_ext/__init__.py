"""Quotes of an Intel TDX guest: one function for each way to ask for one; no policy, no parsing, no logging."""

from __future__ import annotations

try:
    from quote_ext._configfs import configfs_quote
    from quote_ext._driver import driver_extend, driver_quote, driver_report
    from quote_ext._library import library_extend, library_quote, require_library
    from quote_ext._qgs import qgs_quote, vsock_quote
except ImportError as error:
    raise ImportError("quote_ext is not built: run `python quote_ext/setup.py build_ext --inplace`") from error

__all__ = [
    "configfs_quote",
    "driver_extend",
    "driver_quote",
    "driver_report",
    "library_extend",
    "library_quote",
    "qgs_quote",
    "require_library",
    "vsock_quote",
]
