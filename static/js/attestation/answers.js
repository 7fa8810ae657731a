/** What attestation services answered, judged together: who affirms, who does not, and whether that is enough. */
import { isOfEvidence, readable } from "./errors.js";
import { checkClaims } from "./token_claims.js";
import { verifyToken } from "./token.js";
import { REASONS } from "./words.js";

// How far a token came: the one that was refused last is taken for the answer of the service in question.
const STEPS = [
  "token_missing",
  "token_malformed",
  "token_algorithm",
  "token_signature",
  "token_issuer",
  "token_audience",
  "token_time",
  "token_claims",
  "not_checked",
  "",
];

/** What each service that the policy names says of one piece of evidence; nothing where nobody's key is known here. */
export async function opinionsOf(subject) {
  const report = (await readable(() => subject.quote))?.report ?? null;
  const { verifiers, tokenIssuers, acceptedTcbStatuses } = subject.policy;
  const known = { verifiers, report, acceptedStatuses: acceptedTcbStatuses, now: subject.expectation.now };
  return formOpinions(subject.answers, tokenIssuers, known);
}

/**
 * What each pinned service says, as its genuine token shows: `{issuer, code, detail, answer}`. `code` is empty where it affirms,
 * `not_checked` where `report` is null; `answer` is the place of its token among the answers `{name, token, jwks}`, null
 * where there is none. A service that the policy names and of which no key is known here is `not_checked`, unless none
 * is known at all. An answer in another's name earns no trust: the issuer's own keys decide.
 */
async function formOpinions(answers, issuers, { verifiers, report, acceptedStatuses, now }) {
  const judge = async (issuer, place) => {
    const code = await refusal({ ...answers[place], issuer }, { report, acceptedStatuses, now });
    return opinion(issuer, code, place);
  };
  const named = issuers.filter(({ name }) => verifiers.includes(name));
  const formed = await Promise.all(
    named.map(async (issuer) => {
      const places = answersOf(issuer, answers, verifiers);
      const judged = await Promise.all(places.map((place) => judge(issuer, place)));
      const none = opinion(issuer, "token_missing", null);
      return judged.reduce((best, each) => (step(each) > step(best) ? each : best), none);
    }),
  );
  const unknown = verifiers.filter((name) => issuers.length > 0 && !issuers.some((issuer) => issuer.name === name));
  return [...formed, ...unknown.sort().map((name) => opinion({ name, issuer: null }, "not_checked", null))];
}

/** The places of the tokens that may be a service's: those in its name, else those in no named one's. */
function answersOf(issuer, answers, verifiers) {
  const places = [...answers.keys()];
  const named = places.filter((place) => answers[place].name === issuer.name);
  const open = places.filter((place) => !verifiers.includes(answers[place].name));
  return (named.length ? named : open).filter((place) => typeof answers[place].token === "string");
}

const opinion = (issuer, code, answer) => ({ issuer, code, detail: REASONS[code] ?? "", answer });
const step = ({ code }) => STEPS.indexOf(code);

async function refusal({ token, jwks, issuer }, { report, acceptedStatuses, now }) {
  try {
    const claims = await verifyToken(token, issuer, now, jwks);
    if (report === null) return "not_checked";
    await checkClaims(claims, issuer, report, acceptedStatuses);
    return "";
  } catch (error) {
    if (isOfEvidence(error)) return error.code;
    throw error;
  }
}

/** Null where enough of them affirm, else the opinion that stands in the way: a refusal before a doubt. */
export function decideQuorum(opinions, quorum) {
  const against = opinions.filter(({ code }) => code !== "");
  if (!against.length || (quorum === "any" && against.length < opinions.length)) return null;
  return against.find(({ code }) => code !== "not_checked") ?? against[0];
}
