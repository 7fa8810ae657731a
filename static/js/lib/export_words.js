/** What exports call people, answers, files and what has no title, in the page's language. */
import { words } from "./words.js";

/** `{user, assistant, untitled, files(names)}` as `toMarkdown` takes them. */
export function exportNames() {
  return {
    user: words("data.you"),
    assistant: words("data.answer"),
    untitled: words("title.none"),
    files: (names) => words("data.files", { names: names.join(", ") }),
  };
}
