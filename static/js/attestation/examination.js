/**
 * One piece of evidence, taken apart for the checks: every part is read when a check first asks for it. Reading trusts
 * nothing; a part that cannot be read rejects each time. As attestation/examination.py.
 */
import { equal } from "../crypto/encoding.js";
import { MalformedError, requireForm } from "../crypto/errors.js";
import { parseQeIdentity, parseTcbInfo } from "./collateral.js";
import { readable } from "./errors.js";
import { parseEventLog } from "./eventlog.js";
import { parsePckExtension } from "./pck.js";
import { PCK_CA_CHAIN, PCK_CHAIN, TCB_SIGNING_CHAIN, parseChain, verifyChain, verifyCrl } from "./pki.js";
import { INTEL_ROOT_SHA256 } from "./policy.js";
import { parseQuote } from "./quote.js";
import { parseReleases } from "./release.js";
import { sha256 } from "./signatures.js";
import { parseStatement } from "./statement.js";
import { judgeTcb } from "./tcb.js";

export class Examination {
  #parts = new Map();

  constructor(evidence, { policy, expectation, releases, answers }) {
    Object.assign(this, { evidence, policy, expectation, answers });
    this.publishedReleases = releases;
  }

  /** Whether the evidence says that it is simulated; a lie about it fails `quote.chain` either way. */
  get isSimulated() {
    return this.evidence.trustAnchor === "simulator";
  }

  /** Whether the simulator's root is the pinned one, and is asked about on this very computer. */
  get maySimulate() {
    return this.#once("maySimulate", async () => {
      const [root, pinned] = [this.evidence.simulatorRoot, this.policy.simulatorRootSha256];
      return this.expectation.loopback === true && pinned && root ? equal(await sha256(root), pinned) : false;
    });
  }

  get quote() {
    return this.#once("quote", () => parseQuote(this.evidence.quote));
  }

  get statement() {
    return this.#once("statement", () => parseStatement(this.evidence.statement));
  }

  /** PCK certificate, its CA and root, from the quote. */
  get pckChain() {
    return this.#once("pckChain", async () => this.#chain(latin1((await this.quote).pckChain), PCK_CHAIN));
  }

  /** The PCK CA and root that the collateral names for the CRL. */
  get pckCrlChain() {
    return this.#chain(this.evidence.collateral.pck_crl_issuer_chain, PCK_CA_CHAIN);
  }

  get tcbInfoChain() {
    return this.#chain(this.evidence.collateral.tcb_info_issuer_chain, TCB_SIGNING_CHAIN);
  }

  get qeIdentityChain() {
    return this.#chain(this.evidence.collateral.qe_identity_issuer_chain, TCB_SIGNING_CHAIN);
  }

  /** What the PCK certificate says of the platform. */
  get pck() {
    return this.#once("pck", async () => {
      const [{ sgxExtension }] = await this.pckChain;
      requireForm(sgxExtension);
      return parsePckExtension(sgxExtension);
    });
  }

  /** The root's CRL, its signature verified. */
  get rootCrl() {
    return this.#once("rootCrl", async () =>
      verifyCrl(this.evidence.collateral.root_ca_crl, await this.#rootCertificate()),
    );
  }

  /** The PCK CA's CRL, its signature verified. */
  get pckCrl() {
    return this.#once("pckCrl", async () => verifyCrl(this.evidence.collateral.pck_crl, (await this.pckChain)[1]));
  }

  get tcbInfo() {
    return this.#once("tcbInfo", () => parseTcbInfo(this.evidence.collateral.tcb_info));
  }

  get qeIdentity() {
    return this.#once("qeIdentity", () => parseQeIdentity(this.evidence.collateral.qe_identity));
  }

  /** The platform's standing. */
  get tcb() {
    return this.#once("tcb", async () => {
      const { report, qeReport } = await this.quote;
      return judgeTcb(report, await this.pck, qeReport.isvSvn, await this.tcbInfo, await this.qeIdentity);
    });
  }

  /** What the machine says that it extended its registers with. */
  get eventLog() {
    return this.#once("eventLog", () => parseEventLog(this.evidence.ccel, this.evidence.aael));
  }

  get releases() {
    return this.#once("releases", () => parseReleases(this.publishedReleases, this.policy.releaseKey));
  }

  /** Verify a chain to this evidence's root, but for its dates. */
  verifyChain(chain, roles) {
    return this.#once(chain, async () => verifyChain(chain, roles, await this.#rootSha256()));
  }

  async #rootSha256() {
    return this.isSimulated && (await this.maySimulate) ? this.policy.simulatorRootSha256 : INTEL_ROOT_SHA256;
  }

  /** The pinned root, which is at the end of whatever chain leads to it. */
  async #rootCertificate() {
    const pinned = await this.#rootSha256();
    for (const part of [() => this.pckChain, () => this.pckCrlChain, () => this.tcbInfoChain]) {
      const root = (await readable(part))?.at(-1);
      if (root && equal(await sha256(root.der), pinned)) return root;
    }
    throw new MalformedError();
  }

  /** The same chain read for another role is another part. */
  #chain(pem, roles) {
    return this.#once(JSON.stringify([roles, pem]), () => parseChain(pem, roles));
  }

  #once(name, read) {
    if (!this.#parts.has(name)) this.#parts.set(name, Promise.resolve().then(read));
    return this.#parts.get(name);
  }
}

/** Bytes as text, one character each; what is not ASCII is no PEM and is refused there. */
function latin1(bytes) {
  return String.fromCharCode(...bytes);
}
