/** The chat as one piece, for `main.js`: everything that has to be there before the first message can be written. */
export { assemble } from "./models/assembly.js";
export { attestationLine } from "./models/evidence.js";
export { openShortcuts } from "./elements/shortcuts.js";
export { Router } from "./elements/router.js";
import "./elements/chat_app.js";
