/** The sidebar on narrow screens: a drawer that takes the focus, gives it back, and closes with Escape. */

export class Drawer {
  #sidebar;
  #stage;
  #veil;
  #opener;
  #narrow = matchMedia("(max-width: 899px)");

  constructor({ sidebar, stage, veil, openSidebar, closeSidebar }, signal) {
    this.#sidebar = sidebar;
    this.#stage = stage;
    this.#veil = veil;
    this.#opener = openSidebar;
    const listen = (target, type, handler) => target.addEventListener(type, handler, { signal });
    listen(openSidebar, "click", () => this.#set(true));
    listen(closeSidebar, "click", () => this.close());
    listen(veil, "click", () => this.close());
    const isMenuOpen = () => document.querySelector(":popover-open") !== null; // Escape closes that one first
    listen(sidebar, "keydown", ({ key }) => key === "Escape" && !isMenuOpen() && this.close());
    listen(this.#narrow, "change", () => this.#set(false));
    this.#set(false);
  }

  close() {
    if (!this.#sidebar.classList.contains("is-open")) return;
    this.#set(false);
    this.#opener.focus();
  }

  #set(isOpen) {
    this.#sidebar.classList.toggle("is-open", isOpen);
    this.#sidebar.inert = this.#narrow.matches && !isOpen;
    this.#stage.inert = isOpen;
    this.#veil.hidden = !isOpen;
    this.#opener.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#sidebar.querySelector("button, a").focus();
  }
}
