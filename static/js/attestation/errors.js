/** Why evidence is not trusted, or could not be judged. */
import { MalformedError } from "../crypto/errors.js";

/** A rule was broken: `code` as docs/PROTOCOL.md lists it, `params` for its sentence. */
export class AppraisalError extends Error {
  constructor(code, params = {}) {
    super(code);
    this.code = code;
    this.params = params;
  }
}

/** A check could not be made: `what` it needs is absent or cannot be read. */
export class UncheckedError extends Error {
  constructor(what) {
    super(what);
    this.what = what;
  }
}

/** Refuse with a code unless a condition holds. Throws AppraisalError. */
export function expect(condition, code, params) {
  if (!condition) throw new AppraisalError(code, params);
}

/** Whether an error speaks of the evidence, not of a fault in this program. */
export function isOfEvidence(error) {
  return error instanceof AppraisalError || error instanceof MalformedError;
}

/** Await a part that a check needs and does not own. Throws UncheckedError where it cannot be read. */
export async function given(what, part) {
  try {
    return await part;
  } catch (error) {
    throw isOfEvidence(error) ? new UncheckedError(what) : error;
  }
}

/** A part, or null where it cannot be read. */
export async function readable(read) {
  try {
    return await read();
  } catch (error) {
    if (isOfEvidence(error)) return null;
    throw error;
  }
}
