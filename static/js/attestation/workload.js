/**
 * What a machine measures of what it runs: the application's own events, and whether a release allows them. As
 * attestation/workload.py, where the events' form is described.
 */
import { hex, parseJson, utf8 } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";
import { lineOf } from "./ccel.js";
import { AppraisalError, expect } from "./errors.js";
import { isChanged, isContinuous, isOfApplication } from "./eventlog.js";
import { describeEvent } from "./eventwords.js";
import { Members } from "./members.js";
import { sha256 } from "./signatures.js";

const DOMAIN = "confchat";
const READERS = {
  application: (members) => {
    members.exactly("release", "files", "differs");
    return { release: members.digest("release"), files: members.digest("files"), differs: members.texts("differs") };
  },
  "model-server": (members) => {
    members.exactly("server", "binary", "settings");
    return {
      server: members.text("server"),
      binary: members.digest("binary"),
      settings: members.texts("settings"),
    };
  },
  model: (members) => {
    members.exactly("name", "manifest", "blobs");
    return { name: members.text("name"), manifest: members.digest("manifest"), blobs: members.texts("blobs") };
  },
};

/** Refuse a log with an event in RTMR3 that the release does not allow; the first is named. Throws AppraisalError. */
export async function judgeEvents(log, release) {
  for (const event of log.events.filter(isOfApplication)) {
    await requireUnchanged(log, event);
    await judge(event, release);
  }
  expect(await isContinuous(log), "event_log_begins");
}

/** Refuse an event that is not what its digest was made of. Throws AppraisalError. */
export async function requireUnchanged(log, event) {
  const params = { number: log.events.indexOf(event) + 1, event: describeEvent(event) };
  expect(!(await isChanged(event)), "event_differs", params);
}

/** What was last measured of a kind, of a model the one of that name; undefined where nothing was. */
export function lastMeasured(log, kind, name) {
  const found = log.events.map((event) => readEvent(lineOf(event))).filter((item) => item?.kind === kind);
  return found.findLast((item) => name === undefined || item.name === name);
}

/** What a line says was measured; null for another's event, or one that is not of its form. */
function readEvent(line) {
  const [, domain, operation, content] = /^(\S+) (\S+) (.*)$/s.exec(line ?? "") ?? [];
  if (domain !== DOMAIN || !Object.hasOwn(READERS, operation)) return null;
  try {
    return { kind: operation, ...READERS[operation](new Members(parseJson(utf8(content)))) };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

async function judge(event, release) {
  const line = lineOf(event);
  if (release.events.includes(line)) return;
  const measured = readEvent(line);
  if (measured === null) throw new AppraisalError("event_unknown", { event: describeEvent(event) });
  if (measured.kind === "application") await judgeApplication(measured, release);
  if (measured.kind === "model-server") judgeServer(measured, release);
  if (measured.kind === "model") judgeModel(measured, release);
}

/** Judges the files alone: the same program may have been signed anew, and taken over, since it was measured. */
async function judgeApplication({ files, differs }, release) {
  const isSame = files === (await filesDigest(release.files));
  expect(isSame, "application_differs", { names: differs.join(", ") || "…" });
}

function judgeServer({ server, binary, settings }, release) {
  const isKnown = release.modelServers.some(
    (known) => known.server === server && known.binary === binary && isSameList(known.settings, settings),
  );
  expect(isKnown, "server_differs", { server: [server, binary, ...settings].join(" ") });
}

function judgeModel({ name, manifest, blobs }, release) {
  const known = release.models.find((model) => model.name === name && model.digest === manifest);
  expect(known, "model_differs", { model: name, version: release.version });
  const isSame = isSameList(known.blobs, blobs);
  const names = known.blobs.length === blobs.length ? known.blobs.filter((blob, i) => blob !== blobs[i]) : ["…"];
  expect(isSame, "blob_differs", { model: name, blobs: names.join(", ") });
}

/** One digest for files: over what `sha256sum` prints, sorted by path. */
async function filesDigest(files) {
  const paths = [...files.keys()].sort();
  const lines = paths.map((path) => `${hex(files.get(path))}  ${path}\n`);
  return `sha256:${hex(await sha256(utf8(lines.join(""))))}`;
}

function isSameList(left, right) {
  return left.length === right.length && left.every((item, i) => item === right[i]);
}
