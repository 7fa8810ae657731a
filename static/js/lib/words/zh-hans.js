/** Every visible string of the script in Simplified Chinese, by key. */
import { ATTACHMENTS } from "./zh-hans/attachments.js";
import { CHECKS } from "./zh-hans/checks.js";
import { CONVERSATIONS } from "./zh-hans/conversations.js";
import { FAULTS } from "./zh-hans/faults.js";
import { KEYS } from "./zh-hans/keys.js";
import { PAGE } from "./zh-hans/page.js";
import { PALETTE } from "./zh-hans/palette.js";
import { TRUST } from "./zh-hans/trust.js";
import { WRITING } from "./zh-hans/writing.js";

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
