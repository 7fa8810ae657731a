"""Functions that keep and find what was read of attached files, and its vectors: encrypted like messages.

Everything here blocks on the database and expects a transaction around it (`confchat.group_commit`).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Sum

from confchat.documents.document import Document, pack_document, unpack_document
from confchat.documents.retrieval import PASSAGE_CHARACTERS
from confchat.documents.vectors import Vectors, pack_vectors, unpack_vectors
from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import Attachment, AttachmentVectors, Conversation


def keep_documents(row: Conversation, documents: Sequence[Document], key: ContentKey) -> None:
    """Store documents beside a conversation's messages; those that are there already stay as they are.

    Raises:
        RequestError: `attachments_quota`: the user has no room left.
    """
    known = {str(uuid) for uuid in row.attachments.values_list("uuid", flat=True)}
    new = [document for document in documents if document.uuid not in known]
    sealed = [key.seal(pack_document(document), message=_place(document.uuid), revision=0) for document in new]
    if not sealed:
        return
    _require_room(row, sum(map(len, sealed)))
    Attachment.objects.bulk_create(
        Attachment(conversation=row, uuid=document.uuid, size=len(data), sealed=data)
        for document, data in zip(new, sealed, strict=True)
    )


def read_document(row: Conversation, uuid: str, key: ContentKey) -> Document:
    """Return a stored document; raises RequestError `not_found`, `content_damaged`."""
    found = row.attachments.filter(uuid=uuid).first()
    if found is None:
        raise RequestError("not_found")
    return unpack_document(uuid, key.open(bytes(found.sealed), message=_place(uuid), revision=0))


def keep_vectors(row: Conversation, uuid: str, vectors: Vectors, *, digest: str, key: ContentKey) -> None:
    """Store the vectors that a model of this digest made of a document, in the place of another model's.

    Raises:
        RequestError: `not_found`, or `attachments_quota`: the user has no room left.
    """
    attachment = row.attachments.filter(uuid=uuid).first()
    if attachment is None:
        raise RequestError("not_found")
    sealed = key.seal(pack_vectors(vectors), message=_vectors_place(uuid, digest), revision=0)
    _require_room(row, len(sealed))
    kept = {"model_digest": digest, "size": len(sealed), "sealed": sealed}
    AttachmentVectors.objects.update_or_create(attachment=attachment, defaults=kept)


def read_vectors(row: Conversation, uuid: str, *, digest: str, key: ContentKey) -> Vectors | None:
    """Return the stored vectors that a model of this digest made; raises RequestError `content_damaged`."""
    found = AttachmentVectors.objects.filter(
        attachment__conversation=row, attachment__uuid=uuid, model_digest=digest
    ).first()
    if found is None:
        return None
    return unpack_vectors(key.open(bytes(found.sealed), message=_vectors_place(uuid, digest), revision=0))


def _require_room(row: Conversation, size: int) -> None:
    mine = Attachment.objects.filter(conversation__user_id=row.user_id)
    taken = mine.aggregate(documents=Sum("size"), vectors=Sum("vectors__size"))
    if size + sum(total or 0 for total in taken.values()) > settings.CONFCHAT_ATTACHMENT_QUOTA_MB * 1024 * 1024:
        raise RequestError("attachments_quota")


def _vectors_place(uuid: str, digest: str) -> str:
    """Say where vectors belong: those of passages that were cut otherwise do not open here."""
    return f"vectors {digest} {PASSAGE_CHARACTERS} {uuid}"


def _place(uuid: str) -> str:
    return f"attachment {uuid}"
