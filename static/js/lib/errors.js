/** What a browser did not do for us; `code` is stable, the text is for developers only. */
export class BrowserError extends Error {
  constructor(code, options) {
    super(code, options);
    this.code = code;
  }
}
