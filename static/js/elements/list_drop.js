/** Sections of the sidebar as places to drop a conversation. */

const KIND = "application/x-confchat-conversation";

/** Let conversations be dropped on an element; `take(conversation)` is told which. */
export function acceptDrops(element, take) {
  const mark = (isOver) => element.classList.toggle("is-drop", isOver);
  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes(KIND)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    mark(true);
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) mark(false);
  });
  element.addEventListener("drop", (event) => {
    mark(false);
    const conversation = event.dataTransfer.getData(KIND);
    if (!conversation) return;
    event.preventDefault();
    take(conversation);
  });
}
