/** Every visible string of the script in English, by key. */
import { ATTACHMENTS } from "./en/attachments.js";
import { CHECKS } from "./en/checks.js";
import { CONVERSATIONS } from "./en/conversations.js";
import { FAULTS } from "./en/faults.js";
import { KEYS } from "./en/keys.js";
import { PAGE } from "./en/page.js";
import { PALETTE } from "./en/palette.js";
import { TRUST } from "./en/trust.js";
import { WRITING } from "./en/writing.js";

export const WORDS = {
  ...PAGE,
  ...TRUST,
  ...CHECKS,
  ...FAULTS,
  ...WRITING,
  ...CONVERSATIONS,
  ...KEYS,
  ...ATTACHMENTS,
  ...PALETTE,
};
