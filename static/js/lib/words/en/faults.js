/** What went wrong, by its stable code: what happened, what it means for the reader's words, what to do. */
export const FAULTS = {
  "fault.other": "Something unexpected happened ({code}). Try again; if it stays so, tell the operator.",
  "fault.unnamed": "This page made a mistake. What you have sent is kept. Reload it, then try again.",
  "fault.part_missing":
    "A part of this page could not be loaded, so this cannot be done now. Nothing was sent or changed. Try again; if it stays so, reload the page.",
  "fault.messages_missing":
    "The messages of this conversation cannot be shown, because a part of this page did not come. What is stored is kept: reload the page.",
  "fault.appraisal_failed": "This browser could not finish checking the server. Nothing was sent.",
  "fault.attestation_unavailable":
    "The server could not make a report of itself just now. Nothing was sent; check again in a moment.",
  "fault.bad_message": "The server did not understand this page. Reload it, so that both are of one version.",
  "fault.busy": "An answer is still being given in this conversation, perhaps in another tab. Wait for it, or stop it.",
  "fault.connection_lost": "The connection is lost. What you have sent is kept; this page keeps trying.",
  "fault.content_damaged": "Something stored here does not open with your key any more.",
  "fault.conversation_mismatch": "This message belongs to another conversation. Reload the page.",
  "fault.expired": "The proof has ended. It has to be made anew before anything more is sent.",
  "fault.forgotten": "The server has forgotten what was said here, because nothing of it is stored. Begin a new chat.",
  "fault.frame_not_genuine":
    "What this page sent arrived changed, so the connection was cut. This page tries again by itself.",
  "fault.frame_not_padded": "What this page sent was not as it must be. Reload it, so that both are of one version.",
  "fault.frame_out_of_order":
    "What this page sent arrived out of order, so the connection was cut. This page tries again by itself.",
  "fault.handshake_in_flight": "A check was already under way. Check again.",
  "fault.history_key_wrong":
    "Your history is locked with a key that this browser does not have. Your recovery code opens it here.",
  "fault.internal": "The server failed. What was acknowledged before is stored. Check again in a moment.",
  "fault.login_required": "You are signed out. Sign in again; what you have written here stays in the composer.",
  "fault.message_conflict": "This message was sent before with another text.",
  "fault.model_busy": "The model has too much to do just now. Try again in a moment.",
  "fault.model_changed":
    "The model on the server is no longer the one that was checked. Check again; nothing was sent to it.",
  "fault.model_failed": "The model broke off. What has come is kept.",
  "fault.model_missing":
    "The language model is not installed on the server. Its operator finds the command for it in the server's output.",
  "fault.model_unavailable": "The language model does not answer. Your messages are kept; try again in a moment.",
  "fault.no_session": "The session had ended before this was sent. This page opens another.",
  "fault.not_found": "This is not here any more.",
  "fault.not_ready": "The server is being checked. Try again in a moment.",
  "fault.not_sendable": "This message could not be sealed, so it was not sent.",
  "fault.not_stored": "This is not stored. If your history is kept here, try again in a moment.",
  "fault.offset": "The server has less of this answer than this page. Reload the page to see what is stored.",
  "fault.opening_failed": "This browser could not seal a session to the server's key. Nothing was sent.",
  "fault.opening_malformed": "The server did not accept how this session was opened. Reload the page.",
  "fault.overloaded": "The server has too much to do. This page tries again by itself.",
  "fault.prompt_too_long": "This message is longer than the model can read at once. Shorten it.",
  "fault.protocol":
    "What came over the connection was not as it must be, so it was cut. This page tries again by itself.",
  "fault.quota_exhausted":
    "Today’s allowance of your account is used up. It opens again on {until}. What you wrote stays here while this page is open.",
  "fault.quota_reserved":
    "The rest of today’s allowance may be needed by answers that are still being written. Try again when one has ended.",
  "fault.record_expired": "The proof grew too old before the session was opened. Check again.",
  "fault.record_unknown": "The server does not know this check any more. Check again.",
  "fault.refused_by_policy": "The server refused this session by its own rules. Nothing was sent.",
  "fault.releases_unavailable":
    "The list of released software could not be loaded, so the server cannot be compared with it.",
  "fault.service_differs":
    "This browser found nothing wrong, but the server does not affirm itself. As long as they differ, nothing is sent.",
  "fault.session_ended": "The session ended before this was done.",
  "fault.session_mismatch":
    "The session that opened is not the one that was checked. It was cut, and nothing was sent.",
  "fault.timeout": "The server did not answer in time. Check again.",
  "fault.too_many_requests": "There were too many checks in a short time. Wait a minute, then check again.",
  "fault.bad_options":
    "One of the parameters is out of its bounds. Open the settings of this conversation and correct it.",
  "fault.not_continuable": "This answer cannot be gone on with. It can be made anew.",
  "fault.unsupported": "This server cannot do that.",
  "fault.too_many": "There are too many folders. Delete one first.",
  "fault.wrong_account": "You are signed in with another account now. Reload the page.",
};
