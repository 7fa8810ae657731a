/** The reference releases that the server publishes: signed, so that it does not matter who delivers them. */
import { RequestError } from "./errors.js";

/** Fetch the signed manifests as they are on the wire. Throws RequestError when there is no answer. */
export async function fetchReleases(url, fetchResource = globalThis.fetch.bind(globalThis)) {
  try {
    const response = await fetchResource(url, { cache: "no-store", signal: AbortSignal.timeout(15_000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { releases } = await response.json();
    if (!Array.isArray(releases)) throw new Error("no list");
    return releases;
  } catch (error) {
    throw new RequestError("releases_unavailable", { retry: true, cause: error });
  }
}
