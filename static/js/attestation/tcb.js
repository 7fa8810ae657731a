/**
 * How up to date a platform is: TDX module, platform and quoting enclave matched to Intel's levels and merged, as
 * Intel's quote verification library does (TcbLevelCheck, TdxModuleCheck, TDRelaunchCheck). As attestation/tcb.py.
 */
import { equal, hex } from "../crypto/encoding.js";
import { AppraisalError, expect } from "./errors.js";

const HARDENING = ["UpToDate", "SWHardeningNeeded"];
const CONFIGURATION = ["ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"];
const OUTDATED = ["OutOfDate", "OutOfDateConfigurationNeeded"];

// Indices in TEE_TCB_SVN: the TDX module's SVN, its major version, and the late microcode's SVN.
const MODULE_SVN = 0;
const MODULE_VERSION = 1;
const LATE_MICROCODE = 2;

/**
 * `{status, advisories, outdatedSince, repaired}`, the last two as in attestation/tcb.py: a date or null, and dates by
 * advisory. Throws AppraisalError `tcb_module` or `tcb_not_supported`.
 */
export function judgeTcb(report, pck, qeSvn, tcbInfo, qeIdentity) {
  const identity = judgeModule(report, tcbInfo);
  const module = identity && matchSvn(identity.levels, report.teeTcbSvn[MODULE_SVN]);
  const { hardware, platform } = matchPlatform(report, pck, tcbInfo);
  const qe = matchSvn(qeIdentity.levels, qeSvn);
  let status = merge(platform.status, module?.status);
  if (isCuredByRelaunch({ report, tcbInfo, hardware, status, module, qe })) {
    const needsConfiguration = [hardware.status, status].some(
      (each) => CONFIGURATION.includes(each) || each === "OutOfDateConfigurationNeeded",
    );
    status = needsConfiguration ? "TDRelaunchAdvisedConfigurationNeeded" : "TDRelaunchAdvised";
  }
  const advisories = [...platform.advisories, ...(module?.advisories ?? []), ...qe.advisories];
  const matches = [matched(tcbInfo, platform), matched(qeIdentity, qe), ...(module ? [matched(identity, module)] : [])];
  return {
    status: merge(status, qe.status),
    advisories: [...new Set(advisories)],
    outdatedSince: outdatedSince(matches),
    repaired: repaired(matches),
  };
}

/** The identity of the TDX module that the TD was started on, once it is Intel's; null before TDX 1.5. */
function judgeModule(report, tcbInfo) {
  const version = report.teeTcbSvn[MODULE_VERSION];
  const module = version ? findModule(tcbInfo, version) : tcbInfo.module;
  expect(equal(report.mrSignerSeam, module.mrSigner), "tcb_module");
  expect(equal(masked(report.seamAttributes, module.attributesMask), module.attributes), "tcb_module");
  return version ? module : null;
}

function findModule(tcbInfo, version) {
  const name = `TDX_${hex([version]).toUpperCase()}`;
  const found = tcbInfo.moduleIdentities.find(({ id }) => id.toUpperCase() === name);
  if (!found) throw new AppraisalError("tcb_module");
  return found;
}

/** The best level that the hardware reaches, and the best that it reaches with this TDX module. */
function matchPlatform(report, pck, tcbInfo) {
  // Modules of TDX 1.5 and later are judged by their own identity, so components 0 and 1 are then left out.
  const skipped = report.teeTcbSvn[MODULE_VERSION] ? 2 : 0;
  const reached = tcbInfo.levels.filter((level) => isAtLeast(pck.svns, level.sgxSvns) && pck.pceSvn >= level.pceSvn);
  const platform = reached.find((level) => isAtLeast(report.teeTcbSvn, level.tdxSvns, skipped));
  expect(platform, "tcb_not_supported");
  return { hardware: reached[0], platform };
}

function isAtLeast(values, floor, skipped = 0) {
  return floor.every((least, i) => i < skipped || values[i] >= least);
}

function matchSvn(levels, svn) {
  const found = levels.find((level) => svn >= level.isvSvn);
  expect(found, "tcb_not_supported");
  return found;
}

/** A platform's status made worse by that of its module or QE. */
function merge(status, part) {
  if (part === "Revoked") return part;
  if (part === "OutOfDate" && HARDENING.includes(status)) return "OutOfDate";
  if (part === "OutOfDate" && CONFIGURATION.includes(status)) return "OutOfDateConfigurationNeeded";
  return status;
}

/** Whether only the module that the TD was started on is old, and the one running now (TEE_TCB_SVN2) is the newest. */
function isCuredByRelaunch({ report, tcbInfo, hardware, status, module, qe }) {
  const current = report.teeTcbSvn2;
  const onlyModuleIsOld =
    OUTDATED.includes(status) &&
    module?.status === "OutOfDate" &&
    qe.status === "UpToDate" &&
    [...HARDENING, ...CONFIGURATION].includes(hardware.status);
  if (!current || !onlyModuleIsOld) return false;
  const newest = tcbInfo.levels[0].tdxSvns;
  const version = current[MODULE_VERSION];
  const newestModule = version ? newestSvn(findModule(tcbInfo, version)) : newest[MODULE_SVN];
  return current[MODULE_SVN] >= newestModule && current[LATE_MICROCODE] >= newest[LATE_MICROCODE];
}

function newestSvn({ levels }) {
  expect(levels.length, "tcb_not_supported");
  return levels[0].isvSvn;
}

/** The bits of a value that a mask looks at. */
export function masked(value, mask) {
  return value.map((byte, i) => byte & mask[i]);
}

/** A level, and the better ones before it. */
function matched({ levels }, level) {
  return { level, better: levels.slice(0, levels.indexOf(level)) };
}

/** The date of the oldest repair of what is out of date; null where nothing is, or a part has no repair. */
function outdatedSince(matches) {
  const outdated = matches.filter(({ level }) => OUTDATED.includes(level.status));
  return earliestOf(outdated.map(({ better }) => better));
}

/** By advisory that every part which is open to it has a repair for: the date of the oldest. */
function repaired(matches) {
  const names = new Set(matches.flatMap(({ level }) => level.advisories));
  const dates = [...names].map((name) => {
    const open = matches.filter(({ level }) => level.advisories.includes(name));
    return [name, earliestOf(open.map(({ better }) => better.filter(({ advisories }) => !advisories.includes(name))))];
  });
  return new Map(dates.filter(([, date]) => date !== null));
}

/** The earliest date in several lists of levels; null where there is no list, or one is empty. */
function earliestOf(lists) {
  if (!lists.length || !lists.every(({ length }) => length)) return null;
  return new Date(Math.min(...lists.flat().map(({ date }) => date)));
}
