"""Resource policies, as Trustee has them in Rego: the token's claims and the secret's path in, yes or no out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

ResourcePolicy = Callable[[Mapping[str, Any], Sequence[str]], bool]


def affirming(claims: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Allow what every part of an EAR affirms (trustee, kbs/sample_policies/affirming.rego); no part is no yes."""
    modules = claims.get("submods")
    if not isinstance(modules, Mapping) or not modules:
        return False
    return all(isinstance(each, Mapping) and each.get("ear.status") == "affirming" for each in modules.values())


def affirming_only(paths: Collection[str]) -> ResourcePolicy:
    """Allow what is affirmed, and of it only these `repository/type/tag`."""

    def allow(claims: Mapping[str, Any], path: Sequence[str]) -> bool:
        return "/".join(path) in paths and affirming(claims, path)

    return allow
