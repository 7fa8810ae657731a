/** The statement: what a quote vouches for. As attestation/statement.py. */
import { concat, parseJson, unhex, utf8 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { GPU_STATES } from "./gpu.js";
import { Members } from "./members.js";

const VERSION = "confchat/1";
const NAMES = "v nonce conversation origin issued_at expires_at instance kem model release config log";

/** Parse the exact bytes of a statement; unknown, missing or ill-typed members are refused. Throws MalformedError. */
export function parseStatement(bytes) {
  const root = new Members(parseJson(bytes));
  root.exactly(...NAMES.split(" "), ...(root.has("gpu") ? ["gpu"] : []));
  const kem = root.nested("kem").exactly("suite", "key_sha256");
  const model = root.nested("model").exactly("name", "digest", "backend");
  const release = root.nested("release").exactly("version", "digest");
  const config = root.nested("config").exactly("policy", "model_endpoint", "development");
  const log = root.nested("log").exactly("origin", "size", "root");
  requireForm(root.text("v") === VERSION);
  return {
    nonce: root.b64("nonce", 32),
    conversation: root.isNull("conversation") ? null : root.text("conversation"),
    origin: root.text("origin"),
    issuedAt: root.integer("issued_at"),
    expiresAt: root.integer("expires_at"),
    instance: root.hex("instance", 16),
    kemSuite: kem.text("suite"),
    kemKeySha256: kem.hex("key_sha256", 32),
    modelName: model.text("name"),
    modelDigest: model.digest("digest"),
    modelBackend: model.text("backend"),
    releaseVersion: release.text("version"),
    releaseDigest: unhex(release.digest("digest").slice(7)),
    policy: config.text("policy"),
    modelEndpoint: config.text("model_endpoint"),
    development: config.flag("development"),
    logOrigin: log.text("origin"),
    logSize: log.integer("size"),
    logRoot: log.b64("root", 32),
    gpu: root.has("gpu") ? parseGpu(root.nested("gpu").exactly("state", "sha256")) : null,
  };
}

function parseGpu(gpu) {
  return {
    state: gpu.choice("state", GPU_STATES),
    sha256: gpu.isNull("sha256") ? null : gpu.hex("sha256", 32),
  };
}

/** The 64 bytes that the quote must carry for the exact bytes of a statement. */
export async function reportData(statement) {
  const message = concat(utf8("confchat/1 report-data\0"), statement);
  return new Uint8Array(await crypto.subtle.digest("SHA-512", message));
}

/** What the deployment's log key signs (Ed25519) for a statement. */
export function deploymentMessage(statement) {
  return concat(utf8("confchat/1 deployment\0"), statement);
}
