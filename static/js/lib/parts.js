/** Parts of the page that are fetched when they are first wanted: dialogs, and the cryptography of passphrases. */
import { BrowserError } from "./errors.js";

/** Fetch a part by `load`, a function that calls `import()`. Throws BrowserError `part_missing` where it did not come. */
export async function fetchPart(load) {
  try {
    return await load();
  } catch (error) {
    throw new BrowserError("part_missing", { cause: error });
  }
}
