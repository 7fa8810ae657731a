/**
 * The life of a session as a table: state -> event -> next state. What is not here cannot happen.
 *
 *     closed → connecting → requesting → checking → opening → proving → ready → stale
 *                                             ↘ deciding ↗          ↘ refused
 *
 * `requesting` waits for evidence and verdict, `checking` appraises them, `deciding` waits for the user to read and
 * accept a risk, `proving` waits for the sealed `session.ready`. Content is sent in `ready` alone. `refused` is left
 * only by a new handshake. `keep` returns to the running session when its renewal could not be made; `renew` in
 * mid-handshake begins one for another conversation, once the server has answered the one before.
 */
export const TRANSITIONS = {
  closed: { connect: "connecting" },
  connecting: { opened: "requesting", refuse: "refused", lost: "closed" },
  requesting: { answered: "checking", renew: "requesting", keep: "ready", refuse: "refused", lost: "closed" },
  checking: {
    affirm: "opening",
    doubt: "deciding",
    renew: "requesting",
    keep: "ready",
    refuse: "refused",
    lost: "closed",
  },
  deciding: { accept: "opening", renew: "requesting", expire: "stale", refuse: "refused", lost: "closed" },
  opening: { switched: "proving", renew: "requesting", refuse: "refused", lost: "closed" },
  proving: { proved: "ready", renew: "requesting", refuse: "refused", lost: "closed" },
  ready: { renew: "requesting", expire: "stale", refuse: "refused", lost: "closed" },
  stale: { renew: "requesting", refuse: "refused", lost: "closed" },
  refused: { renew: "requesting", connect: "connecting", lost: "refused" },
};

export class TransitionError extends Error {
  code = "transition";
}

/** Say whether an event can happen in a state. */
export function canHappen(state, event) {
  return Object.hasOwn(TRANSITIONS[state], event);
}

/** Return the state that an event leads to. Throws TransitionError where it cannot happen. */
export function nextState(state, event) {
  if (!canHappen(state, event)) throw new TransitionError(`${event} in ${state}`);
  return TRANSITIONS[state][event];
}
