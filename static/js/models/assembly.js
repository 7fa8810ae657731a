/** The models of one page, made from what the page was started with and what the browser offers. */
import { appraise } from "../attestation/appraisal.js";
import { isLoopback, policyFrom } from "../attestation/policy.js";
import { fetchReleases } from "../protocol/releases.js";
import { Socket } from "../protocol/socket.js";
import { Chat } from "./chat.js";
import { Folds } from "./folds.js";
import { HistoryKey } from "./history_key.js";
import { LogView } from "./log_view.js";
import { LogKeyPin, ReleaseKeyPin } from "./pins.js";
import { Releases } from "./releases.js";
import { Session } from "./session.js";
import { Sightings } from "./sightings.js";

/**
 * Return `{chat, pins, sightings, folds}`. `config` is the page's configuration, `user` the account id. `browser` is `{location, storage,
 * canStore, keyStore, passkeys, isVisible, clock, random, makeId}`: `storage` is localStorage or a stand-in that forgets, and
 * then there is no place for a history key; `keyStore` and `passkeys` are where there is one.
 */
export function assemble(config, user, browser) {
  const { location, storage, keyStore, passkeys, clock, random, makeId, isVisible } = browser;
  const pin = new LogKeyPin(config.log, storage);
  const releasePin = new ReleaseKeyPin(config, storage);
  const policy = {
    ...policyFrom(config),
    get releaseKey() {
      return releasePin.key;
    },
  };
  const historyKey = new HistoryKey(user, { store: keyStore, storage, random, passkeys });
  if (!browser.canStore) historyKey.leaveOut();
  const socketUrl = new URL(config.socket, location.href);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  const releases = new Releases(() => fetchReleases("/attestation/releases"));
  releases.load(); // beside the first handshake, which will need them
  const session = new Session({
    user,
    appraise,
    policy,
    enforcement: policy.enforcement,
    pin,
    logView: new LogView(config.log.origin, { pin, storage }),
    historyKey,
    releases,
    origin: location.origin,
    isLoopback: isLoopback(location.hostname),
    openSocket: (handlers) => new Socket(socketUrl.href, handlers),
    isVisible,
    clock,
    random,
  });
  const pins = [pin, releasePin];
  const sightings = new Sightings({ pins, storage, clock, origin: location.origin });
  sightings.follow(session);
  return { chat: new Chat({ session, historyKey, clock, makeId }), pins, sightings, folds: new Folds(storage) };
}
