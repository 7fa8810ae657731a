/** Is what runs in there closed to the outside, and a release that is known? `td.*`. */
import { equal, hex } from "../../crypto/encoding.js";
import { AppraisalError, expect, given } from "../errors.js";
import { MEASUREMENTS, isAtLeastVersion } from "../release.js";
import { explainRtmr3 } from "./workload.js";

// TD_ATTRIBUTES (Intel TDX Module ABI, "TD_ATTRIBUTES"): bits that must be off, in the order in which they are judged.
const FORBIDDEN_BITS = [
  ["td_debug", [0]],
  ["td_profiling", [4, 5, 6]],
  ["td_migratable", [29]],
  ["td_service_td_extension", [17]],
];
const SEPT_VE_DISABLE = 28;
// ICSSD, LASS, protection keys, key locker, performance counters: of no harm to the TD.
const HARMLESS_BITS = [16, 27, 30, 31, 63];
const KNOWN_BITS = [SEPT_VE_DISABLE, ...HARMLESS_BITS, ...FORBIDDEN_BITS.flatMap(([, bits]) => bits)];

/** Nothing that lets the host look in, and no service TD that the policy does not name. */
export async function checkAttributes(subject) {
  const { report } = await given("report", subject.quote);
  const isSet = (bit) => Boolean((report.tdAttributes[bit >> 3] >> (bit & 7)) & 1);
  for (const [code, bits] of FORBIDDEN_BITS) expect(!bits.some(isSet), code);
  const unknown = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => !KNOWN_BITS.includes(bit));
  expect(!unknown.some(isSet), "td_reserved");
  expect(isSet(SEPT_VE_DISABLE), "td_sept_ve");
  const { policy } = subject;
  expect(!exceeds(report.tdAttributes, policy.allowedTdAttributes), "td_attribute_refused");
  expect(!exceeds(report.xfam, policy.allowedXfam), "xfam_refused");
  expect(isAmong(report.mrSignerSeam, policy.mrSignerSeams), "seam_signer");
  expect(!report.seamAttributes.some(Boolean), "seam_attributes");
  const isNamed = policy.mrSeams === null || isAmong(report.mrSeam, policy.mrSeams);
  expect(isNamed, "seam_refused", { module: short(report.mrSeam) });
  const serviceTd = report.mrServiceTd;
  const isAllowed = !serviceTd?.some(Boolean) || isAmong(serviceTd, policy.serviceTds);
  expect(isAllowed, "service_td", { service: isAllowed ? "" : short(serviceTd) });
  return {};
}

/** One of the platforms that the policy names. Left out (null) where it names none. */
export async function checkPlatform(subject) {
  const { platformIds } = subject.policy;
  if (platformIds === null) return null;
  const { ppid } = await given("certificate", subject.pck);
  const params = { platform: short(ppid) };
  expect(isAmong(ppid, platformIds), "platform_unknown", params);
  return params;
}

/** What was started is the release that the statement names, and so is the model. */
export async function checkMeasurements(subject) {
  const { report } = await given("report", subject.quote);
  const statement = await given("statement", subject.statement);
  const release = namedRelease(await subject.releases, statement.releaseDigest);
  const { version } = release;
  expect(version === statement.releaseVersion, "release_unknown");
  checkRelease(release, subject);
  const reference = closest(report, release.measurements, subject.policy.releaseMeasurements);
  if (reference.rtmr3 === null) await explainRtmr3(subject, report, release);
  const params = { version, model: statement.modelName };
  const isKnown = release.models.some(
    ({ name, digest }) => name === statement.modelName && digest === statement.modelDigest,
  );
  expect(isKnown, "model_differs", params);
  return params;
}

function namedRelease(releases, digest) {
  const named = releases.filter((release) => equal(release.digest, digest));
  const genuine = named.find(({ isRefused }) => !isRefused);
  if (!genuine) throw new AppraisalError(named.length ? "release_signature" : "release_unknown");
  return genuine;
}

function checkRelease({ version, platform, issuedAt, expiresAt }, { policy, expectation, isSimulated }) {
  const isOfKind = (platform === "simulator") === isSimulated && policy.releasePlatforms.includes(platform);
  expect(isOfKind, "release_unknown");
  const floor = policy.minReleaseVersion;
  expect(isAtLeastVersion(version, floor), "release_old", { version, floor });
  const now = expectation.now.getTime() / 1000;
  expect(issuedAt - policy.clockSkewS <= now && now <= expiresAt, "release_expired", { version });
}

/** The set of measurements of a release that this report has; where there is none, the closest says what differs. */
function closest(report, references, compared) {
  const differences = references.map((reference) => ({ reference, names: differing(report, reference, compared) }));
  const [{ reference, names }] = [...differences.sort((a, b) => a.names.length - b.names.length), { names: ["–"] }];
  expect(!names.length, "measurements_differ", { names: names.join(", ") });
  return reference;
}

/** What differs of what the policy names; a reference without RTMR3 leaves that to the replay of an event log. */
function differing(report, reference, compared) {
  const isSame = (field) => (field === "rtmr3" && reference[field] === null) || equal(report[field], reference[field]);
  return MEASUREMENTS.filter(([name, field]) => compared.includes(name) && !isSame(field)).map(([name]) =>
    name.replaceAll("_", "").toUpperCase(),
  );
}

/** Whether a mask has a bit that another has not. */
function exceeds(value, allowed) {
  return value.some((byte, i) => byte & ~allowed[i]);
}

function isAmong(value, known) {
  return known.some((each) => equal(each, value));
}

function short(value) {
  return `${hex(value).slice(0, 16)}…`;
}
