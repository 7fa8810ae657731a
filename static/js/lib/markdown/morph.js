/** Make what stands on the page into what shall stand there, and leave alone what is the same: selections, scrolling. */

import { growText } from "../dom.js";

const islands = new WeakMap();

/** An element that draws itself: in place of a new one that it `accepts`, the old one is kept and `adopt`s it. */
export function setIsland(element, island) {
  islands.set(element, island);
}

/** Give `parent` the children of `next`, which is used up. */
export function morphChildren(parent, next) {
  const [old, fresh] = [[...parent.childNodes], [...next.childNodes]];
  fresh.forEach((node, i) => {
    if (i >= old.length) parent.append(node);
    else if (!morphNode(old[i], node)) old[i].replaceWith(node);
  });
  for (const node of old.slice(fresh.length)) node.remove();
}

/** Make one node into another; returns false where that takes another kind of node. */
export function morphNode(old, fresh) {
  const [mine, other] = [islands.get(old), islands.get(fresh)];
  if (mine || other) {
    if (!mine || !other || !mine.accepts(other)) return false;
    mine.adopt(other);
    return true;
  }
  if (old.isEqualNode(fresh)) return true;
  if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    growText(old, fresh.data);
    return true;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || !old.cloneNode().isEqualNode(fresh.cloneNode())) return false;
  morphChildren(old, fresh);
  return true;
}
