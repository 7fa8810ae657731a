"""Changes of what is accepted: proposed by one person, approved by another, and only then written where it counts.

The database is not believed: what was proposed, and by whom, is sealed with the log key when it is proposed, and the
seal is verified before it is shown or approved.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from attestation import approved, publication
from attestation.encoding import b64encode
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.log.entries import log_approval
from attestation.log.leaves import canonical_json
from attestation.models import Proposal
from attestation.named_policies import NAMES
from attestation.policy import Policy
from attestation.policy_text import parse_policy
from attestation.reference_values import ReferenceRelease, parse_release

_SEAL_LABEL = b"confchat/1 proposal\x00"


def propose(
    *, kind: Proposal.Kind, content: bytes, signature: bytes = b"", reason: str, user: str, now: datetime
) -> Proposal:
    """Write down and seal a change that somebody proposes; nothing comes of it yet.

    Args:
        kind: what is changed.
        content: a policy's file, a release's manifest, or a release's digest in hex.
        signature: the release key's over a manifest.
        reason: why, in the person's words, for the other person.
        user: the account of who proposes.
        now: the time.

    Raises:
        MalformedError, AppraisalError, ConfigurationError: what is proposed could not be put in force.
    """
    proposal = Proposal(
        id=uuid.uuid4(),
        kind=kind,
        content=content,
        signature=signature,
        reason=reason,
        proposed_by_id=user,
        proposed_at=now,
    )
    read_content(proposal)
    proposal.seal = publication.sign(_sealed(proposal))
    proposal.save(force_insert=True)
    return proposal


def find_proposal(proposal: uuid.UUID) -> Proposal:
    """Return a proposal as it was made.

    Raises:
        Proposal.DoesNotExist: there is none.
        AppraisalError: it is not what this server sealed (`proposal_changed`).
    """
    found = Proposal.objects.select_related("proposed_by", "decided_by").get(pk=proposal)
    try:
        key = Ed25519PublicKey.from_public_bytes(publication.log_key().public)
        key.verify(bytes(found.seal), _sealed(found))
    except InvalidSignature as error:
        raise AppraisalError("proposal_changed", "This is not what was proposed here.") from error
    return found


def read_content(proposal: Proposal) -> Policy | ReferenceRelease:
    """Return what a proposal would put in force, or the release that it withdraws.

    Raises:
        MalformedError, AppraisalError, ConfigurationError: it could not be.
    """
    content = bytes(proposal.content)
    if proposal.kind == Proposal.Kind.POLICY:
        policy = parse_policy(content)
        if policy.id in NAMES:
            raise MalformedError(f"a policy of one's own needs an id of its own: {policy.id!r} is the name of another")
        return policy
    if proposal.kind == Proposal.Kind.RELEASE:
        key = publication.release_key()
        if key is None:
            raise ConfigurationError("no release key is known here, so no release can be verified")
        return parse_release(content, bytes(proposal.signature), release_key=key)
    known = {release.digest.hex(): release for release in publication.releases()}
    if content.decode("ascii", "replace") not in known:
        raise MalformedError("no such release is in force")
    return known[content.decode("ascii")]


def digest_of(proposal: Proposal) -> str:
    """Return the digest (hex) by which a person says what exactly he approves."""
    return hashlib.sha256(_sealed(proposal)).hexdigest()


def approve(proposal: Proposal, *, digest: str, user: str, now: datetime) -> None:
    """Put what was proposed in force: another person's approval, a leaf in the log, a signed file.

    `digest` is what the person who approves was shown.

    Raises:
        AppraisalError: by the one who proposed it (`same_person`), of something else than was shown
            (`proposal_changed`), or of what was decided before (`decided`).
        MalformedError, ConfigurationError: it can no longer be put in force; nothing was changed.
    """
    if str(proposal.proposed_by_id) == user:
        raise AppraisalError("same_person", "Who proposed it cannot approve it.")
    if digest != digest_of(proposal):
        raise AppraisalError("proposal_changed", "This is not what was shown.")
    value = read_content(proposal)
    with transaction.atomic():
        _decide(proposal, Proposal.State.APPROVED, user=user, now=now)
        log_approval(
            {"change": proposal.kind, "content_sha256": hashlib.sha256(bytes(proposal.content)).hexdigest()},
            {"proposal": str(proposal.pk), "proposed_by": str(proposal.proposed_by_id), "approved_by": user},
        )
        # Last: should it fail, neither the approval nor its leaf ever was.
        _put_in_force(proposal, value)
    publication.forget()


def refuse(proposal: Proposal, *, user: str, now: datetime) -> None:
    """Decide that nothing comes of a proposal, which anybody may who could approve, and who made it.

    Raises:
        AppraisalError: it was decided before (`decided`).
    """
    _decide(proposal, Proposal.State.REFUSED, user=user, now=now)


def _decide(proposal: Proposal, state: Proposal.State, *, user: str, now: datetime) -> None:
    undecided = Proposal.objects.filter(pk=proposal.pk, state=Proposal.State.OPEN)
    if undecided.update(state=state, decided_by_id=user, decided_at=now) != 1:
        raise AppraisalError("decided", "This was decided before.")


def _put_in_force(proposal: Proposal, value: Policy | ReferenceRelease) -> None:
    directory = publication.approved_directory()
    if isinstance(value, Policy):
        approved.write_policy(directory, value, named=publication.named_policy(), sign=publication.sign)
        return
    withdrawn = approved.read_withdrawn(directory, key=publication.log_key().public)
    if proposal.kind == Proposal.Kind.WITHDRAWAL:
        approved.write_withdrawn(directory, withdrawn | {value.digest.hex()}, sign=publication.sign)
        return
    path = Path(settings.CONFCHAT_RELEASES_DIR) / f"{value.version}.json"
    approved.write_file(path.with_suffix(".sig"), b64encode(value.signature).encode("ascii"))
    approved.write_file(path, value.manifest)
    if value.digest.hex() in withdrawn:
        approved.write_withdrawn(directory, withdrawn - {value.digest.hex()}, sign=publication.sign)


def _sealed(proposal: Proposal) -> bytes:
    members: Mapping[str, Any] = {
        "id": str(proposal.pk),
        "kind": str(proposal.kind),
        "content": b64encode(bytes(proposal.content)),
        "signature": b64encode(bytes(proposal.signature)),
        "reason": proposal.reason,
        "proposed_by": str(proposal.proposed_by_id),
        "proposed_at": int(proposal.proposed_at.timestamp()),
    }
    return _SEAL_LABEL + canonical_json(members)
