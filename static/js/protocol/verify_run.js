/** One step of a verification of many records, asked for as its form would ask. */
import { RequestError } from "./errors.js";

const STEP_MS = 60_000;

/** Ask for the next step; resolves to how far it has come. Throws RequestError where there is no such answer. */
export async function nextStep(url, body, fetchResource = globalThis.fetch.bind(globalThis)) {
  try {
    const response = await fetchResource(url, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(STEP_MS),
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.json();
  } catch (error) {
    throw new RequestError("step_failed", { retry: true, cause: error });
  }
}
