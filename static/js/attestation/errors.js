/** Well-formed or not, the evidence failed a rule: `code` as docs/PROTOCOL.md lists it, `params` for its sentence. */
export class AppraisalError extends Error {
  constructor(code, params = {}) {
    super(code);
    this.code = code;
    this.params = params;
  }
}

/** Refuse with a code unless a condition holds. Throws AppraisalError. */
export function expect(condition, code, params) {
  if (!condition) throw new AppraisalError(code, params);
}
