/** The one door for markup: strings of other libraries become fragments here, with nothing in them that acts or loads. */
import { DOMPurify } from "../../../vendor/markdown.js";

const TAGS =
  "a p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del table thead tbody tr th td span sup".split(
    " ",
  );
const COMMON = {
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};
const PROSE = {
  ...COMMON,
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "class", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ADD_URI_SAFE_ATTR: ["start", "align"],
};
const CODE = { ...COMMON, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] };
/** KaTeX repeats the source in `annotation`: it is dropped, not turned into text beside the formula. */
const FORMULA = {
  ...COMMON,
  USE_PROFILES: { mathMl: true },
  FORBID_TAGS: ["annotation"],
  FORBID_CONTENTS: ["annotation"],
  FORBID_ATTR: ["style", "href", "id", "xlink:href"],
};

/** What a model wrote, made HTML by `syntax.js`. */
export function proseFragment(html) {
  return DOMPurify.sanitize(html, PROSE);
}

/** Code with its words in spans, as highlight.js makes it. */
export function codeFragment(html) {
  return DOMPurify.sanitize(html, CODE);
}

/** A formula in MathML, as KaTeX makes it. */
export function formulaFragment(html) {
  return DOMPurify.sanitize(html, FORMULA);
}
