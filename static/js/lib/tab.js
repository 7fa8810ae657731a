/** Names for tabs: each tab has one, which outlives its reloads, and can be asked which others are open. */

const NAME = "confchat.tab";
const lockOf = (name) => `${NAME}.${name}`;

/** How long a page that is reloaded may take to let go of its name; a copied tab waits so long before it takes another. */
const PATIENCE_MS = 1_000;

/** Return this tab's name. */
export async function tabName() {
  const kept = sessionStorage.getItem(NAME);
  if (kept && (await hold(kept))) return kept;
  const name = crypto.randomUUID();
  await hold(name);
  sessionStorage.setItem(NAME, name);
  return name;
}

/** Say whether a tab of this name is open. */
export async function isOpen(name) {
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === lockOf(name));
}

/** Hold a name for as long as the page is there; resolves to whether nobody else does. */
function hold(name) {
  return new Promise((resolve) => {
    const forever = new Promise(() => {});
    const taken = () => (resolve(true), forever);
    navigator.locks
      .request(lockOf(name), { signal: AbortSignal.timeout(PATIENCE_MS) }, taken)
      .catch(() => resolve(false));
  });
}
