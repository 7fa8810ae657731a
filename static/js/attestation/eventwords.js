/** Events under the names that people look for. As attestation/eventlog_words.py. */
import { lineOf } from "./ccel.js";

// TCG PC Client Platform Firmware Profile 1.06, table 27.
const TYPE_NAMES = {
  0x00000001: "EV_POST_CODE",
  0x00000004: "EV_SEPARATOR",
  0x00000005: "EV_ACTION",
  0x00000006: "EV_EVENT_TAG",
  0x00000008: "EV_S_CRTM_VERSION",
  0x0000000a: "EV_PLATFORM_CONFIG_FLAGS",
  0x0000000d: "EV_IPL",
  0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
  0x80000002: "EV_EFI_VARIABLE_BOOT",
  0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
  0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
  0x80000006: "EV_EFI_GPT_EVENT",
  0x80000007: "EV_EFI_ACTION",
  0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
  0x80000009: "EV_EFI_HANDOFF_TABLES",
  0x8000000a: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
  0x8000000b: "EV_EFI_HANDOFF_TABLES2",
  0x8000000c: "EV_EFI_VARIABLE_BOOT2",
  0x800000e0: "EV_EFI_VARIABLE_AUTHORITY",
};
const VARIABLES = [0x80000001, 0x80000002, 0x800000e0];
const EV_EVENT_TAG = 0x6;
const TAG_SIZE = 8;
const MOST_CHARACTERS = 160;

/** An event in one line: an application's as it stands, others under TCG's name and what they name. */
export function describeEvent(event) {
  const line = lineOf(event);
  if (line !== null) return line;
  const name = TYPE_NAMES[event.type] ?? `0x${event.type.toString(16).padStart(8, "0")}`;
  const about = VARIABLES.includes(event.type) ? variableName(event.data) : textOf(event);
  return about ? `${name} · ${about}` : name;
}

function textOf({ type, data }) {
  const text = String.fromCharCode(...data.subarray(type === EV_EVENT_TAG ? TAG_SIZE : 0).subarray(0, MOST_CHARACTERS));
  return onlyPrintable(text.replace(/\0+$/, ""));
}

/** The name in UEFI_VARIABLE_DATA (profile 1.06, section 10.4.1), nothing where there is none. */
function variableName(data) {
  if (data.length < 32) return "";
  const length = new DataView(data.buffer, data.byteOffset).getUint32(16, true);
  return onlyPrintable(
    new TextDecoder("utf-16le").decode(data.subarray(32, 32 + 2 * Math.min(length, MOST_CHARACTERS))),
  );
}

function onlyPrintable(text) {
  return /^[ -~]*$/.test(text) ? text : "";
}
