/** Is the GPU that serves the model confidential, too? `gpu.evidence`. As attestation/checks/gpu.py. */
import { equal } from "../../crypto/encoding.js";
import { MalformedError } from "../../crypto/errors.js";
import { AppraisalError, expect, given } from "../errors.js";
import { gpuDigest, gpuNonce, isSignedBy, parseGpuClaims } from "../gpu.js";

const NRAS_ISSUER = "https://nras.attestation.nvidia.com";
const MEASURED = ["success", "comparison-successful"];

/** What the machine says of its GPUs is proven as far as the policy asks. Left out (null) where none is spoken of. */
export async function checkGpu(subject) {
  const statement = await given("statement", subject.statement);
  const { gpu: stated } = statement;
  const { policy, evidence } = subject;
  expect(await isVouchedFor(evidence.gpu, stated?.sha256 ?? null), "gpu_differs");
  if (stated === null) {
    expect(!["require", "require-confidential"].includes(policy.gpu), "gpu_missing");
    return null;
  }
  if (stated.state !== "confidential" || evidence.gpu === null) return sayUnproven(stated, policy.gpu);
  const claims = readClaims(evidence.gpu);
  const words = await whoSays(claims, policy);
  await checkClaims(claims, statement, subject);
  return { words, count: claims.devices.length };
}

async function isVouchedFor(text, digest) {
  if (text === null || digest === null) return text === digest;
  return equal(await gpuDigest(text), digest);
}

function sayUnproven({ state }, asked) {
  const isPlain = state === "plain";
  const isAccepted = !["confidential-if-present", "require-confidential"].includes(asked);
  expect(isAccepted, isPlain ? "gpu_plain" : "gpu_unproven");
  return { words: isPlain ? "gpu.evidence.plain" : "gpu.evidence.unproven" };
}

function readClaims(text) {
  try {
    return parseGpuClaims(text);
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError("gpu_malformed") : error;
  }
}

/** Who vouches: NVIDIA where a pinned key signed, else the machine that was measured. */
async function whoSays({ verifier, tokens }, policy) {
  if (verifier === "nras" && policy.gpuKeys.length > 0) {
    const signed = await Promise.all(tokens.map((token) => isSignedBy(token, policy.gpuKeys)));
    expect(signed.every(Boolean), "gpu_signature");
    const isNvidias = tokens.every(({ claims }) => claims.iss === NRAS_ISSUER);
    expect(isNvidias, "gpu_claims");
    return "gpu.evidence";
  }
  expect(policy.gpu !== "require-confidential", "gpu_unsigned");
  return "gpu.evidence.machine";
}

async function checkClaims({ overall, devices, tokens }, statement, { expectation, policy }) {
  const nonce = await gpuNonce(statement.nonce);
  const answersThis = tokens.every(({ claims }) => claims.eat_nonce === nonce);
  expect(answersThis, "gpu_nonce");
  const isTimely = tokens.every(({ claims }) => holds(claims, expectation.now.getTime() / 1000, policy));
  expect(isTimely, "gpu_time");
  const isAffirmed = overall.claims["x-nvidia-overall-att-result"] === true;
  expect(isAffirmed && devices.every(isSound), "gpu_claims");
}

function holds({ iat, exp }, now, { clockSkewS, maxLifetimeS }) {
  if (![iat, exp].every(Number.isInteger)) return false;
  return iat - clockSkewS <= now && now <= Math.min(exp, iat + maxLifetimeS) + clockSkewS;
}

function isSound({ claims }) {
  return MEASURED.includes(claims.measres) && claims.secboot === true && claims.dbgstat === "disabled";
}
