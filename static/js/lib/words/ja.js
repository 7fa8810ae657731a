/** Every visible string of the script in Japanese, by key. */
import { ATTACHMENTS } from "./ja/attachments.js";
import { CHECKS } from "./ja/checks.js";
import { CONVERSATIONS } from "./ja/conversations.js";
import { FAULTS } from "./ja/faults.js";
import { KEYS } from "./ja/keys.js";
import { PAGE } from "./ja/page.js";
import { PALETTE } from "./ja/palette.js";
import { TRUST } from "./ja/trust.js";
import { WRITING } from "./ja/writing.js";

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
