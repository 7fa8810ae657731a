/** A formula: its source at first, MathML as soon as KaTeX is there. */
import { setIsland } from "./morph.js";
import { formulaFragment } from "./sanitiser.js";

const MAX_CHARACTERS = 20_000;
const MAX_KNOWN = 500;
const known = new Map();
let katex = null;
let loading = null;

/** Draw the element, whose text is TeX; it is told by its class whether it is a block, or still being written. */
export function drawFormula(element) {
  const [tex, isBlock] = [element.textContent, element.classList.contains("is-block")];
  element.setAttribute("translate", "no");
  setIsland(element, new Formula(`${element.className}\0${tex}`));
  if (element.classList.contains("is-open") || tex.length > MAX_CHARACTERS) return;
  if (katex) return place(element, tex, isBlock);
  load().then(
    () => place(element, tex, isBlock),
    () => {}, // it cannot be loaded: the source is shown
  );
}

class Formula {
  constructor(key) {
    this.key = key;
  }

  accepts({ key }) {
    return key === this.key;
  }

  adopt() {}
}

async function load() {
  loading ??= import("../../../vendor/katex.js");
  try {
    katex = await loading;
  } catch (error) {
    loading = null;
    throw error;
  }
}

function place(element, tex, isBlock) {
  const key = `${isBlock}\0${tex}`;
  if (!known.has(key)) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, fragmentOf(tex, isBlock));
  }
  element.replaceChildren(known.get(key).cloneNode(true));
  element.classList.add("is-drawn");
}

/** What KaTeX does not understand it shows as source, coloured as a fault by an attribute, not by a style. */
function fragmentOf(tex, displayMode) {
  const options = {
    output: "mathml",
    throwOnError: false,
    strict: "ignore",
    trust: false,
    maxSize: 20,
    maxExpand: 500,
  };
  return formulaFragment(katex.renderToString(tex, { ...options, displayMode }));
}
