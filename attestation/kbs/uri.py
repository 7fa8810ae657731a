"""`kbs://` addresses of secrets (guest-components, attestation-agent/deps/resource_uri; Trustee's path rules)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attestation.errors import ConfigurationError

SCHEME = "kbs://"

# Trustee's own rule for each of the three parts: no leading dot, so neither `.` nor `..`.
_SEGMENT = r"[A-Za-z0-9_\-]+[A-Za-z0-9_\-.]*"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_NAME}(?:\.{_NAME})*|\[[0-9A-Fa-f:.]+\])"
_FORM = re.compile(
    rf"kbs://(?P<authority>(?:{_HOST}(?::[0-9]{{1,5}})?)?)"
    rf"/(?P<repository>{_SEGMENT})/(?P<type>{_SEGMENT})/(?P<tag>{_SEGMENT})"
    r"(?:\?(?P<query>[A-Za-z0-9_\-.~=&%+]+))?\Z"
)
_MAX_LENGTH = 512
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUri:
    """A secret's address: three names, and the broker's where it is named (`host` or `host:port`, else empty).

    Alibaba's KMS behind a broker looks at `tag` alone: it is the name of the KMS secret. The broker's policy sees all.
    """

    authority: str
    repository: str
    type: str
    tag: str
    query: str

    def __str__(self) -> str:
        """Return the address as it was written."""
        return f"{SCHEME}{self.authority}/{self.repository}/{self.type}/{self.tag}{self._asked}"

    @property
    def path(self) -> str:
        """Return where the broker has it, below its base address."""
        return f"/kbs/v0/resource/{self.repository}/{self.type}/{self.tag}{self._asked}"

    @property
    def _asked(self) -> str:
        return f"?{self.query}" if self.query else ""


def parse_resource_uri(text: str) -> ResourceUri:
    """Read `kbs://[host[:port]]/<repository>/<type>/<tag>[?query]`, such as `kbs:///default/aliyun/model-key`.

    Raises:
        ConfigurationError: it has another form; the sentence says which part.
    """
    match = _FORM.match(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        raise ConfigurationError(f"{text[:_MAX_LENGTH]!r} is not the address of a secret: {_fault(text)}")
    authority = match["authority"]
    port = authority.rpartition(":")[2] if ":" in authority and not authority.endswith("]") else "1"
    if not 0 < int(port) <= _MAX_PORT:
        raise ConfigurationError(f"{text!r} is not the address of a secret: there is no port {port}")
    return ResourceUri(
        authority=authority,
        repository=match["repository"],
        type=match["type"],
        tag=match["tag"],
        query=match["query"] or "",
    )


def _fault(text: str) -> str:
    if len(text) > _MAX_LENGTH:
        return f"it is longer than {_MAX_LENGTH} characters"
    if text.startswith("kbs+"):
        return "only a broker's resources are fetched, not what other plugins of it have"
    if not text.startswith(SCHEME):
        return f"it does not begin with {SCHEME}"
    path = text[len(SCHEME) :].partition("/")[2].partition("?")[0]
    if path.count("/") != 2:
        return "it needs three names, as in kbs:///repository/type/tag"
    return "host and names are letters, digits, `_`, `-` and `.`, and no name begins with a dot"
