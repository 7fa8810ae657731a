/** Reference releases: manifests whose exact bytes the release key signed (Ed25519). As attestation/reference_values.py. */
import { concat, parseJson, utf8 } from "../crypto/encoding.js";
import { MalformedError, requireForm } from "../crypto/errors.js";
import { Members } from "./members.js";
import { hasSignedEd25519, sha256 } from "./signatures.js";

const VERSION = "confchat/1 release";
export const PLATFORMS = ["simulator", "tdx"];
const NAMES = "v version issued_at expires_at platform measurements models model_servers files events";
const VERSION_FORM = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/** What a TD started from one release measures: wire name, name in a quote's report, size in bytes. */
export const MEASUREMENTS = [
  ["mr_td", "mrTd", 48],
  ["mr_seam", "mrSeam", 48],
  ["rtmr0", "rtmr0", 48],
  ["rtmr1", "rtmr1", 48],
  ["rtmr2", "rtmr2", 48],
  ["rtmr3", "rtmr3", 48],
  ["xfam", "xfam", 8],
  ["mr_config_id", "mrConfigId", 48],
  ["mr_owner", "mrOwner", 48],
  ["mr_owner_config", "mrOwnerConfig", 48],
];

/**
 * Read what a server publishes, `[{manifest, signature}]`. Each becomes a release, or, where the key of 32 bytes did
 * not sign it or its form is unknown, `{digest, isRefused: true}`, which is never a reference.
 */
export function parseReleases(pairs, releaseKey) {
  return Promise.all(pairs.map((pair) => parseRelease(pair, releaseKey)));
}

async function parseRelease(pair, releaseKey) {
  let digest = new Uint8Array();
  try {
    const [manifest, signature] = ["manifest", "signature"].map((name) => new Members(pair).b64(name));
    digest = await sha256(manifest);
    const isSigned = await hasSignedEd25519(releaseKey, signature, concat(utf8(`${VERSION}\0`), manifest));
    return isSigned ? { digest, ...parseManifest(manifest) } : { digest, isRefused: true };
  } catch (error) {
    if (error instanceof MalformedError) return { digest, isRefused: true };
    throw error;
  }
}

/** `major.minor.patch` as numbers that compare. Throws MalformedError. */
export function parseVersion(text) {
  const match = VERSION_FORM.exec(text);
  requireForm(match);
  return match.slice(1).map(Number);
}

/** Tell whether a version is the same as a floor or later. */
export function isAtLeastVersion(version, floor) {
  const [left, right] = [parseVersion(version), parseVersion(floor)];
  const at = left.findIndex((part, i) => part !== right[i]);
  return at < 0 || left[at] > right[at];
}

function parseManifest(manifest) {
  const members = new Members(parseJson(manifest)).exactly(...NAMES.split(" "));
  const [version, platform] = [members.text("version"), members.text("platform")];
  requireForm(members.text("v") === VERSION && PLATFORMS.includes(platform));
  parseVersion(version);
  return {
    version,
    platform,
    issuedAt: members.integer("issued_at"),
    expiresAt: members.integer("expires_at"),
    measurements: members.objects("measurements").map(parseMeasurements),
    models: members.objects("models").map(parseModel),
    modelServers: members.objects("model_servers").map(parseModelServer),
    files: parseFiles(members.nested("files")),
    events: members.texts("events"),
  };
}

/** Values by their names in a quote's report; `rtmr3` is null where only an event log can explain it. */
function parseMeasurements(item) {
  item.exactly(...MEASUREMENTS.map(([name]) => name));
  const entries = MEASUREMENTS.map(([name, field, size]) => {
    const isOpen = name === "rtmr3" && item.isNull(name);
    return [field, isOpen ? null : item.hex(name, size)];
  });
  return Object.fromEntries(entries);
}

function parseModel(item) {
  item.exactly("name", "digest", "blobs");
  return { name: item.text("name"), digest: item.digest("digest"), blobs: item.digests("blobs") };
}

function parseModelServer(item) {
  item.exactly("server", "binary", "settings");
  return { server: item.text("server"), binary: item.digest("binary"), settings: item.texts("settings") };
}

function parseFiles(members) {
  return new Map(members.names().map((path) => [path, members.hex(path, 32)]));
}
