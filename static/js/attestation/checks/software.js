/** Is what runs in there closed to the outside, and a release that is known? `td.*`. */
import { equal, hex } from "../../crypto/encoding.js";
import { AppraisalError, expect, given } from "../errors.js";
import { MEASUREMENTS, isAtLeastVersion } from "../release.js";

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
  expect(!report.mrSignerSeam.some(Boolean), "seam_signer");
  expect(!report.seamAttributes.some(Boolean), "seam_attributes");
  const serviceTd = report.mrServiceTd;
  const isAllowed = !serviceTd?.some(Boolean) || subject.policy.serviceTds.some((each) => equal(each, serviceTd));
  expect(isAllowed, "service_td", { service: isAllowed ? "" : `${hex(serviceTd).slice(0, 16)}…` });
  return {};
}

/** What was started is the release that the statement names, and so is the model. */
export async function checkMeasurements(subject) {
  const { report } = await given("report", subject.quote);
  const statement = await given("statement", subject.statement);
  const release = namedRelease(await subject.releases, statement.releaseDigest);
  const { version } = release;
  expect(version === statement.releaseVersion, "release_unknown");
  checkRelease(release, subject);
  checkMeasured(report, release.measurements);
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
  expect((platform === "simulator") === isSimulated, "release_unknown");
  const floor = policy.minReleaseVersion;
  expect(isAtLeastVersion(version, floor), "release_old", { version, floor });
  const now = expectation.now.getTime() / 1000;
  expect(issuedAt - policy.clockSkewS <= now && now <= expiresAt, "release_expired", { version });
}

/** Compare with each set of measurements of a release; the closest one says what differs. */
function checkMeasured(report, references) {
  const differences = references.map((reference) => differing(report, reference));
  const fewest = differences.sort((a, b) => a.length - b.length)[0] ?? ["–"];
  expect(!fewest.length, "measurements_differ", { names: fewest.join(", ") });
}

/** A reference without RTMR3 asks for the replay of an event log, which this version does not make: it differs. */
function differing(report, reference) {
  const isSame = (field) => reference[field] !== null && equal(report[field], reference[field]);
  return MEASUREMENTS.filter(([, field]) => !isSame(field)).map(([name]) => name.replaceAll("_", "").toUpperCase());
}
