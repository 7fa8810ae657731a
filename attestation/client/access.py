"""Access tokens of programs: which account, and a secret that stands for its sign-in.

`confchat_<account id>_<43 characters>`: the account stands in it, so that a client knows whose session it expects
without asking anybody.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from attestation.encoding import b64decode, b64encode
from attestation.errors import ConfigurationError, MalformedError

SECRET_SIZE = 32
MAX_FILE_BYTES = 4096

_FORM = re.compile(r"confchat_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([A-Za-z0-9_-]{43})\Z")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`account` is an account id, a UUID in canonical text; `secret` is 32 bytes, and in no representation."""

    account: str
    secret: bytes = field(repr=False)

    def to_text(self) -> str:
        """Return the token as it is carried."""
        return f"confchat_{self.account}_{b64encode(self.secret)}"


def parse_access_token(text: str) -> AccessToken:
    """Read a token. Raises `MalformedError`, which does not say what was given."""
    found = _FORM.match(text)
    if found is None:
        raise MalformedError("not an access token")
    return AccessToken(found[1], b64decode(found[2], size=SECRET_SIZE))


def read_access_token(path: Path) -> AccessToken:
    """Read a token from a file that nobody else may read. Raises `ConfigurationError`."""
    try:
        return parse_access_token(read_secret(path))
    except MalformedError as error:
        raise ConfigurationError(f"{path} does not hold an access token (confchat_…)") from error


def read_secret(path: Path) -> str:
    """Return the text of a small file without the white space around it.

    Raises:
        ConfigurationError: it cannot be read, or others than its owner may.
    """
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path} can be read by others than its owner: chmod 600 {path}")
    try:
        return data[:MAX_FILE_BYTES].decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text") from error
