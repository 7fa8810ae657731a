/** What can be done now: the page's own controls that say so by `data-command` or stand under `data-commands`. */

const CONTROLS = "[data-command], [data-commands] :is(a, button):not(#show-palette)";

/**
 * Return `{name, hint, icon, run()}` for each control that works at this moment, in the order of the page. What is done
 * with a conversation is done with the one in view: its menu is told by `conversation-aimed`.
 */
export function commandsOf(app, conversation) {
  const { more } = app.parts;
  const aim = () => tell(app, "conversation-aimed", { id: conversation.id, control: more });
  aim();
  const controls = [...app.querySelectorAll(CONTROLS)].filter((control) => !control.hidden && !control.disabled);
  return controls
    .filter((control) => !(more.hidden && control.closest("#chat-menu")))
    .map((control) => ({
      name: control.dataset.command || control.ariaLabel || nameOf(control),
      hint: control.closest("[data-commands]")?.dataset.commands ?? "",
      icon: control.querySelector("svg"),
      run: () => {
        aim();
        control.click();
      },
    }));
}

/** What stands on a control, without its shortcut. */
function nameOf(control) {
  const shortcut = control.querySelector("kbd")?.textContent ?? "";
  return control.textContent.trim().slice(0, -shortcut.length || undefined);
}

export function tell(app, type, detail) {
  app.dispatchEvent(new CustomEvent(type, { detail }));
}
