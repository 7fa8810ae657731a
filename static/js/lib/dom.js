/** The few ways in which elements touch the page: named parts, cloned templates, text, icons. No markup from strings. */

const SVG = "http://www.w3.org/2000/svg";

/** Collect the parts marked `data-ref` that belong to `root` itself, not to a custom element inside it. */
export function refs(root) {
  const parts = {};
  for (const part of root.querySelectorAll("[data-ref]")) {
    if (ownerOf(part, root) === root) parts[part.dataset.ref] = part;
  }
  return parts;
}

/** Clone a `<template>` of one element; return `{element, parts}`. */
export function clone(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  return { element, parts: refs(element) };
}

/** Make an element with properties, text or children. */
export function make(name, { className = "", text, children = [] } = {}) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** An icon of the sprite, for the eye only. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** Point a `<use>` at one of the shields: `tick`, `tick-simulated`, `clock`, `cross`. */
export function setMark(use, name) {
  const href = `${document.body.dataset.marks}#${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Set a text only where it differs, so that selections and screen readers are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Let a text node's text grow by what is new in it: what a reader has selected stays selected. */
export function growText(node, text) {
  if (!text.startsWith(node.data)) node.data = text;
  else if (text.length > node.length) node.appendData(text.slice(node.length));
}

/** Show a text, or hide its element where there is none. */
export function showText(element, text) {
  element.hidden = !text;
  setText(element, text ?? "");
}

/** Ask by a `<dialog>`; resolves to its form's data, or null when it was not agreed to. */
export function askDialog(id) {
  const dialog = document.getElementById(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    dialog.addEventListener("close", () => resolve(dialog.returnValue ? new FormData(form) : null), { once: true });
  });
}

/** Put an open popover beside the control that opened it, inside the window. */
export function placeMenu(menu, control) {
  const box = control.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(box.left, document.documentElement.clientWidth - width - 8);
  const top = box.bottom + 4 + height > window.innerHeight ? box.top - height - 4 : box.bottom + 4;
  menu.style.inset = `${Math.max(8, top)}px auto auto ${Math.max(8, left)}px`;
  menu.style.margin = "0";
}

function ownerOf(part, root) {
  let owner = part.parentElement;
  while (owner && owner !== root && !owner.localName.includes("-")) owner = owner.parentElement;
  return part === root ? root : owner;
}
