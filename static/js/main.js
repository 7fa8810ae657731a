/** Where the page begins: nothing that needs cryptography is loaded before it is known to be there. */
import { browserParts } from "./lib/browser.js";
import { make } from "./lib/dom.js";
import { words } from "./lib/words.js";

/** How often to look whether a proof has ended unnoticed. */
const WATCH_MS = 2_000;

/** Say why nothing works here, in place of the chat. */
function showBarrier(name, steps, values) {
  const part = (ref) => document.querySelector(`[data-ref=${ref}]`);
  part("barrierTitle").textContent = words(`barrier.${name}`);
  part("barrierText").textContent = words(`barrier.${name}.text`);
  const keys = Array.from({ length: steps }, (_, i) => `barrier.${name}.step${i + 1}`);
  part("barrierSteps").replaceChildren(...keys.map((key) => make("li", { text: words(key, values) })));
  document.querySelector("chat-app").dataset.barred = name;
  part("room").hidden = true;
  part("barrier").hidden = false;
}

/** Whether this browser verifies Ed25519, the youngest of the algorithms that are needed. */
async function isRecent() {
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    return true;
  } catch {
    return false;
  }
}

async function begin() {
  if (!window.isSecureContext || !globalThis.crypto?.subtle) {
    return showBarrier("insecure", 3, { host: location.hostname, port: location.port || "8000" });
  }
  if (!(await isRecent())) return showBarrier("old", 1, {});
  const { assemble, attestationLine, openShortcuts, Router } = await import("./chat.js");
  const config = JSON.parse(document.body.dataset.config);
  const browser = browserParts();
  const { chat, pins, sightings, folds } = assemble(config, document.body.dataset.user, browser);
  chat.session.addEventListener("attested", ({ detail }) => {
    console.info("confchat attestation", attestationLine(detail));
  });
  document.addEventListener("visibilitychange", () => browser.isVisible() && chat.session.wake());
  window.addEventListener("pageshow", () => chat.session.wake());
  setInterval(() => chat.session.watch(), WATCH_MS);
  window.addEventListener("online", () => chat.session.wake());
  const app = document.querySelector("chat-app");
  const router = new Router(chat, (detail) => app.dispatchEvent(new CustomEvent("open-message", { detail })));
  app.start({ chat, pins, sightings, folds, simulated: config.simulated, canStore: browser.canStore });
  openShortcuts(app, chat, browser.storage);
  router.follow();
}

begin().catch((error) => {
  showBarrier("broken", 0, {});
  throw error;
});
