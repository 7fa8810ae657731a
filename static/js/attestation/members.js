/** The members of a JSON object, read by form: what is missing or of another form is refused with MalformedError. */
import { b64decode, sized, unhex } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";

export class Members {
  #members;

  constructor(value) {
    refuseUnless(value !== null && typeof value === "object" && !Array.isArray(value), "not an object");
    this.#members = value;
  }

  /** Refuse other members than these, and the lack of one. */
  exactly(...names) {
    const found = Object.keys(this.#members);
    refuseUnless(found.length === names.length && names.every((name) => this.has(name)), "other members");
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
    refuseUnless(among.includes(text), `unknown ${name}`);
    return text;
  }

  flag(name) {
    return this.#typed(name, "boolean");
  }

  integer(name, limit = Number.MAX_SAFE_INTEGER) {
    const value = this.#typed(name, "number");
    refuseUnless(value <= limit, `${name} is out of range`);
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
    const text = this.text(name);
    refuseUnless(text.startsWith("sha256:"), `${name} is not a SHA-256 digest`);
    unhex(text.slice(7), 32);
    return text;
  }

  /** A UTC time in whole seconds, `2026-01-31T12:00:00Z`. */
  time(name) {
    const text = this.text(name);
    const date = new Date(text);
    const isForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(date.getTime());
    refuseUnless(isForm && date.toISOString() === text.replace("Z", ".000Z"), `${name} is not a time`);
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

  /** A list of texts; `missing` stands for a member that is not there. */
  texts(name, missing) {
    const items = this.#list(name, missing);
    refuseUnless(
      items.every((item) => typeof item === "string"),
      `${name} are not texts`,
    );
    return items;
  }

  #list(name, missing) {
    if (missing && !this.has(name)) return missing;
    refuseUnless(this.has(name) && Array.isArray(this.#members[name]), `${name} is not a list`);
    return this.#members[name];
  }

  #typed(name, type) {
    const value = this.has(name) ? this.#members[name] : undefined;
    refuseUnless(typeof value === type, `no ${name} of its form`);
    return value;
  }
}

function refuseUnless(condition, reason) {
  if (!condition) throw new MalformedError(reason);
}
