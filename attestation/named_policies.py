"""The policies that come with the product, by name, and an operator's own, by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from attestation.errors import ConfigurationError, MalformedError
from attestation.policy import Policy
from attestation.policy_text import MAX_POLICY_BYTES, parse_policy

NAMES = ("strict", "cloud", "alibaba", "development")


def load_policy(name: str) -> Policy:
    """Return a shipped policy by its name, or the one in a file: what is no name of ours is a path.

    Raises:
        ConfigurationError: there is no such file, or what it holds is no policy.
    """
    if name in NAMES:
        return parse_policy(resources.files("attestation").joinpath("policies", f"{name}.json").read_bytes())
    try:
        with Path(name).open("rb") as file:
            policy = parse_policy(file.read(MAX_POLICY_BYTES + 1))
    except OSError as error:
        raise ConfigurationError(
            f"there is no policy {name!r}: the named ones are {', '.join(NAMES)}, anything else is a file's path"
        ) from error
    except MalformedError as error:
        raise ConfigurationError(f"the policy in {name} cannot be read: {error}") from error
    if policy.id in NAMES:
        raise ConfigurationError(f"the policy in {name} calls itself {policy.id!r}, which is the name of another")
    return policy
