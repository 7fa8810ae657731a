/** Strict JSON, as docs/PROTOCOL.md's Notation has it. The same verdicts as attestation/encoding.py. */
import { fromUtf8 } from "./bytes.js";
import { MalformedError } from "./errors.js";

const MAX_DEPTH = 16;
const FREE_MEMBERS = ["options", "usage"];
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|-?\d[\d.eE+-]*/g;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Parse strict JSON: unique members, no lone surrogates, depth at most 16, integers of plain digits up to 2^53-1;
 * floats and negative numbers only inside members named `options` and `usage`. Throws MalformedError.
 */
export function parseJson(data) {
  const text = typeof data === "string" ? data : fromUtf8(data);
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedError("not JSON", { cause: error });
  }
  checkTokens(text);
  return value;
}

/** Walk the tokens of a text that `JSON.parse` has accepted, and refuse what it lets through. */
function checkTokens(text) {
  const open = [];
  let inside = { free: false, names: null };
  let name = null;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      refuseIf(open.length >= MAX_DEPTH, "nested too deeply");
      open.push(inside);
      const free = inside.free || FREE_MEMBERS.includes(name);
      inside = { free, names: token === "{" ? new Set() : null, nameIsNext: token === "{" };
      name = null;
    } else if (token === "}" || token === "]") {
      inside = open.pop();
      name = null;
    } else if (token === ",") {
      inside.nameIsNext = inside.names !== null;
      name = null;
    } else if (token[0] === '"') {
      const string = token.includes("\\") ? JSON.parse(token) : token.slice(1, -1);
      refuseIf(LONE_SURROGATE.test(string), "lone surrogate");
      if (!inside.nameIsNext) continue;
      refuseIf(inside.names.has(string), "duplicate member");
      inside.names.add(string);
      inside.nameIsNext = false;
      name = string;
    } else if (token !== ":") {
      checkNumber(token, inside.free || FREE_MEMBERS.includes(name));
    }
  }
}

function checkNumber(token, isFree) {
  const value = Number(token);
  if (/^-?\d+$/.test(token)) {
    refuseIf(Math.abs(value) > Number.MAX_SAFE_INTEGER || Object.is(value, -0), "integer out of range");
    refuseIf(value < 0 && !isFree, "integers are plain digits");
  } else {
    refuseIf(!isFree || !Number.isFinite(value), "a float where none may stand");
  }
}

function refuseIf(isWrong, reason) {
  if (isWrong) throw new MalformedError(reason);
}
