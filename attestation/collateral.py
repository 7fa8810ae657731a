"""What Intel publishes about a platform: carried on the wire, parsed from the exact signed texts.

The wire form is that of dcap-qvl's QuoteCollateralV3 (docs/PROTOCOL.md §2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from attestation.errors import MalformedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """One platform's collateral. Parsed, not verified.

    Issuer chains are PEM text (signer, then root), CRLs are DER, signatures are r || s over the exact
    UTF-8 bytes of `tcb_info` and `qe_identity`.
    """

    pck_crl_issuer_chain: str
    root_ca_crl: bytes
    pck_crl: bytes
    tcb_info_issuer_chain: str
    tcb_info: str
    tcb_info_signature: bytes
    qe_identity_issuer_chain: str
    qe_identity: str
    qe_identity_signature: bytes

    def to_wire(self) -> dict[str, str]:
        """Return the members of the wire form: texts as they are, bytes in hex."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value.hex() if isinstance(value, bytes) else value for name, value in values}

    @classmethod
    def from_wire(cls, members: object) -> Collateral:
        """Read the wire form; members of other names are left alone.

        Raises:
            MalformedError: not an object, a member is missing, not text, or not hex.
        """
        if not isinstance(members, Mapping):
            raise MalformedError("collateral is not an object")
        texts = {name: _text(members, name) for name in _TEXTS}
        blobs = {name: _unhex(_text(members, name)) for name in _BLOBS}
        return cls(**texts, **blobs)  # type: ignore[arg-type]


_TEXTS = tuple(field.name for field in fields(Collateral) if field.type == "str")
_BLOBS = tuple(field.name for field in fields(Collateral) if field.type == "bytes")


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"collateral has no text {name}")
    return value


def _unhex(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise MalformedError("not hex") from error
    if len(data) * 2 != len(text):
        raise MalformedError("not hex without spaces")
    return data
