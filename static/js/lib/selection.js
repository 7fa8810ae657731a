/** What a reader has selected. */

/** The selected text, where it begins and ends inside an element; else nothing. */
export function selectedIn(element) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return "";
  return element.contains(selection.getRangeAt(0).commonAncestorContainer) ? selection.toString().trim() : "";
}

/** A text as a Markdown quotation, with room to write below it. */
export function quoted(text) {
  return `${text.trim().replace(/^/gm, "> ")}\n\n`;
}
