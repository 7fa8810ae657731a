/** Words about files that are attached, and about the places that answers cite. */
export const ATTACHMENTS = {
  "attachment.sending": "{size}, being sent",
  "attachment.reading": "{size}, being read in the machine",
  "attachment.pages": "{size} · {pages} pages · about {tokens} tokens",
  "attachment.parts": "{size} · {pages} parts · about {tokens} tokens",
  "attachment.image": "{size} · image · about {tokens} tokens",
  "attachment.remove": "Take {name} away",
  "attachment.citation": "Source {n}, page or part {page}: show it",
  "passage.page": "Page {page} of {pages}",
  "passage.part": "Part {page} of {pages}",
  "fault.attachment_missing": "A file is no longer at hand. Attach it again.",
  "fault.attachment_too_large": "This file is larger than 20 MB. It was not sent.",
  "fault.attachments_full": "Too many files are under way. Send or take away some first.",
  "fault.attachments_many": "A message takes at most 10 files.",
  "fault.attachments_quota":
    "Your room for files is used up. Delete conversations with files, or use a temporary chat.",
  "fault.document_empty": "There is no text in this file. It may be pictures of pages.",
  "fault.document_kind": "Files of this kind are not read: text in UTF-8, code, PDF, Word and images are.",
  "fault.document_locked": "This file is under a password. Save it without one first.",
  "fault.document_too_large": "This file has more pages or letters than can be read at once. Split it.",
  "fault.document_too_much": "Reading this file took more than any honest file takes, so it was refused.",
  "fault.document_unconfined":
    "This server cannot read files safely, so it reads none. Its operator finds why in its log.",
  "fault.document_unreadable": "This file is damaged, or not what it says it is.",
  "fault.file_unreadable": "This browser could not read the file. A folder cannot be attached.",
  "fault.image_too_large": "This image has more than 40 million pixels, or a side of over 20 000. Make it smaller.",
  "fault.model_blind": "This model does not see images. Take them away, or choose one that sees.",
};
