"""The client of the attested session, for programs: nothing is said before the machine has proved what it is.

async with connect("https://chat.example", token=token, anchors=anchors, state=Path("sites.json")) as session:
    async for piece in session.ask("Which colours has the rainbow?"):
        print(piece.content, end="")
"""

from __future__ import annotations

from attestation.client.access import AccessToken, parse_access_token, read_access_token
from attestation.client.answers import Answer, Piece
from attestation.client.errors import NotAttestedError, RefusedError
from attestation.client.history_keys import parse_history_key, read_history_key
from attestation.client.session import Session, connect
from attestation.client.trusting import trusting

__all__ = [
    "AccessToken",
    "Answer",
    "NotAttestedError",
    "Piece",
    "RefusedError",
    "Session",
    "connect",
    "parse_access_token",
    "parse_history_key",
    "read_access_token",
    "read_history_key",
    "trusting",
]
