/** What is chosen in the list is neither saved by itself nor lost to an answer that comes late. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Retention } from "../../static/js/models/retention.js";

/** A session whose answers wait until they are let go. */
class SlowSession {
  kept = null;
  asked = [];
  #waiting = [];

  ask({ type, days }) {
    this.asked.push(type);
    return new Promise((resolve) =>
      this.#waiting.push(() => {
        if (type === "retention.set") this.kept = days;
        resolve({ type: "retention", days: this.kept, installation_days: 180 });
      }),
    );
  }

  answer() {
    this.#waiting.shift()();
  }
}

async function makeLoaded(kept) {
  const session = Object.assign(new SlowSession(), { kept });
  const retention = new Retention(session);
  const loaded = retention.load();
  session.answer();
  await loaded;
  return { session, retention };
}

test("what the server keeps is shown, and nothing before it is known", async () => {
  assert.equal(new Retention(new SlowSession()).shown, undefined);
  const { retention } = await makeLoaded(30);
  assert.deepEqual([retention.shown, retention.isUnsaved, retention.installationDays], [30, false, 180]);
});

test("an arrow key saves nothing by itself", async () => {
  const { session, retention } = await makeLoaded(365);
  for (const days of [90, 30, 7]) retention.choose(days);
  assert.deepEqual(session.asked, ["retention.get"]);
  assert.deepEqual([retention.shown, retention.isUnsaved, session.kept], [7, true, 365]);
  retention.choose(365);
  assert.equal(retention.isUnsaved, false);
});

for (const [was, chosen] of [
  [30, 7],
  [7, null],
])
  test(`a choice of ${chosen} that was quicker than the server's ${was} is not overwritten, and is saved`, async () => {
    const session = Object.assign(new SlowSession(), { kept: was });
    const retention = new Retention(session);
    const loaded = retention.load();
    retention.choose(chosen);
    session.answer();
    await loaded;
    assert.deepEqual([retention.shown, retention.isUnsaved], [chosen, true]);
    const saved = retention.save();
    session.answer();
    await saved;
    assert.deepEqual([session.kept, retention.shown, retention.isUnsaved], [chosen, chosen, false]);
  });

test("what is chosen while another choice is saved waits to be saved itself", async () => {
  const { session, retention } = await makeLoaded(null);
  retention.choose(365);
  const saved = retention.save();
  retention.choose(90);
  session.answer();
  await saved;
  assert.deepEqual([session.kept, retention.shown, retention.isUnsaved], [365, 90, true]);
});
