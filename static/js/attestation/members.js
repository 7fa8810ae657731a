/** The members of a JSON object, read by form: what is missing or of another form is refused with MalformedError. */
import { b64decode, sized, unhex } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";

export class Members {
  #members;

  constructor(value) {
    requireForm(value !== null && typeof value === "object" && !Array.isArray(value));
    this.#members = value;
  }

  /** Refuse other members than these, and the lack of one. */
  exactly(...names) {
    const found = Object.keys(this.#members);
    requireForm(found.length === names.length && names.every((name) => this.has(name)));
    return this;
  }

  has(name) {
    return Object.hasOwn(this.#members, name);
  }

  names() {
    return Object.keys(this.#members);
  }

  isNull(name) {
    return this.has(name) && this.#members[name] === null;
  }

  text(name) {
    return this.#typed(name, "string");
  }

  choice(name, among) {
    const text = this.text(name);
    requireForm(among.includes(text));
    return text;
  }

  flag(name) {
    return this.#typed(name, "boolean");
  }

  integer(name, limit = Number.MAX_SAFE_INTEGER) {
    const value = this.#typed(name, "number");
    requireForm(Number.isInteger(value) && value <= limit);
    return value;
  }

  b64(name, size) {
    return b64decode(this.text(name), size);
  }

  /** Lower-case hex of exactly `size` bytes. */
  hex(name, size) {
    return unhex(this.text(name), size);
  }

  /** Hex of either case; `size` where it is known. */
  anyHex(name, size) {
    return sized(unhex(this.text(name).toLowerCase()), size);
  }

  /** `sha256:` and 64 lower-case hex digits. */
  digest(name) {
    return digestForm(this.text(name));
  }

  /** A list of such digests. */
  digests(name) {
    return this.texts(name).map(digestForm);
  }

  /** A UTC time in whole seconds, `2026-01-31T12:00:00Z`. */
  time(name) {
    const text = this.text(name);
    const date = new Date(text);
    const isForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(date.getTime());
    requireForm(isForm && date.toISOString() === text.replace("Z", ".000Z"));
    return date;
  }

  nested(name) {
    return new Members(this.#typed(name, "object"));
  }

  /** An object as it stands. */
  object(name) {
    this.nested(name);
    return this.#members[name];
  }

  /** A list of objects; `missing` stands for a member that is not there. */
  objects(name, missing) {
    return this.#list(name, missing).map((item) => new Members(item));
  }

  /** A list of objects as they stand. */
  list(name) {
    this.objects(name);
    return this.#members[name];
  }

  /** A list of texts; `missing` stands for a member that is not there. */
  texts(name, missing) {
    const items = this.#list(name, missing);
    requireForm(items.every((item) => typeof item === "string"));
    return items;
  }

  #list(name, missing) {
    if (missing && !this.has(name)) return missing;
    requireForm(this.has(name) && Array.isArray(this.#members[name]));
    return this.#members[name];
  }

  #typed(name, type) {
    const value = this.has(name) ? this.#members[name] : undefined;
    requireForm(typeof value === type);
    return value;
  }
}

function digestForm(text) {
  requireForm(text.startsWith("sha256:"));
  unhex(text.slice(7), 32);
  return text;
}
