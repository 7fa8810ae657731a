/** Do the attestation services agree, about this very quote? `verdict.token`. */
import { decideQuorum } from "../answers.js";
import { AppraisalError, UncheckedError } from "../errors.js";

/** As many as the policy asks for affirm this quote. Left out (null) where no issuer is pinned. */
export async function checkToken(subject) {
  const opinions = await subject.opinions;
  if (!opinions.length) return null;
  const against = decideQuorum(opinions, subject.policy.quorum);
  if (against?.code === "not_checked") throw new UncheckedError("report");
  const isAlone = opinions.length === 1;
  const nameOf = ({ issuer }) => issuer.issuer ?? issuer.name;
  if (against) throw new AppraisalError(against.code);
  const agreeing = opinions.filter(({ code }) => code === "");
  const params = { issuer: agreeing.map(nameOf).join(", "), agreeing: agreeing.length, asked: opinions.length };
  const words = isAlone ? "verdict.token" : "verdict.token.several";
  // Alibaba's tokens name no TCB status: how up to date the platform is, is judged here alone.
  const isSilent = agreeing.every(({ issuer }) => issuer.form === "oidc");
  return { ...params, words: isSilent ? `${words}.silent` : words };
}
