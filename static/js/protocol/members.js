/** The forms that members of messages have. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const OUTCOMES = ["affirming", "warning", "contraindicated", "none"];

export const isText = (value) => typeof value === "string";
export const isUuid = (value) => isText(value) && UUID.test(value);
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const isFlag = (value) => typeof value === "boolean";
export const isOutcome = (value) => OUTCOMES.includes(value);
export const isOffsets = (value) => isObject(value) && isCount(value.thinking) && isCount(value.content);
export const orNull = (check) => (value) => value === null || check(value);
export const optional = (check) => (value) => value === undefined || check(value);
export const listOf = (members) => (value) => Array.isArray(value) && value.every((item) => hasMembers(item, members));

/** Whether a value is an object that has these members, each of its form. */
export function hasMembers(value, members) {
  return isObject(value) && Object.entries(members).every(([name, check]) => check(value[name]));
}
