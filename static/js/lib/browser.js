/** What the models need of the browser, as plain values: time, chance, storage, and whether anyone is looking. */
import { KeyStore } from "./key_store.js";
import * as passkeys from "./passkeys.js";

/** `{location, storage, canStore, keyStore, passkeys, isVisible, clock, random, makeId}` as `models/assembly.js` takes it. */
export function browserParts() {
  const kept = keptStorage();
  return {
    location: window.location,
    storage: kept ?? forgetful(),
    canStore: kept !== null,
    keyStore: new KeyStore(),
    passkeys,
    isVisible: () => document.visibilityState === "visible",
    clock: {
      now: () => Date.now(),
      elapsed: () => performance.now(),
      after: (ms, work) => {
        const timer = setTimeout(work, ms);
        return () => clearTimeout(timer);
      },
    },
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    makeId: () => crypto.randomUUID(),
  };
}

/** localStorage, or null where the browser keeps nothing for this page. */
function keptStorage() {
  try {
    const probe = "confchat.probe";
    localStorage.setItem(probe, probe);
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return null;
  }
}

function forgetful() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, value),
    removeItem: (name) => items.delete(name),
  };
}
