/** What went wrong, by the error itself: one that says when it is over is told with that time. */
import { weekdayTime } from "./format.js";
import { faultWords, words } from "./words.js";

export function errorWords({ code, until }) {
  return until ? words(`fault.${code}`, { until: weekdayTime(new Date(1000 * until)) }) : faultWords(code);
}
