/** The question whether to go on although not everything was checked. */
import { askDialog, setText } from "../lib/dom.js";
import { reasonWords } from "../lib/words.js";

/** Ask it, and go on where the user wants to and still may. */
export async function askRisk(session) {
  setText(document.querySelector("#risk-dialog [data-ref=riskReason]"), reasonWords(session.reason));
  if ((await askDialog("risk-dialog")) && session.state === "deciding") await session.acceptRisk();
}
