/** Keys as people press them: which keyboard it is, and whether somebody is writing. */

const EDITABLE = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]";

export function isApple() {
  return /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);
}

/** Whether a key is Ctrl with `letter`, or ⌘ on Apple's keyboards, where Ctrl belongs to whoever writes. */
export function isCommand(event, letter) {
  const [held, other] = isApple() ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  return held && !other && !event.altKey && !event.shiftKey && event.key.toLowerCase() === letter;
}

/** Whether a key is one character alone, and not part of a text, a choice, a menu or a dialog. */
export function isSingle(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return false;
  return !event.target.closest?.(EDITABLE) && !document.querySelector(":modal, :popover-open");
}
