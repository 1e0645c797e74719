/** However a catch-up is cut, not one change is lost or reported twice. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catchUp, FrameStarts, type Past, writePast } from "./catch-up.ts";
import { Relay } from "./relay.ts";
import { remoteStores, type StartedStore } from "./remote-stores.ts";

const CHANGES = 2_500;
/** How many of the places to cut at are tried; `npm run prove` tries all. */
const CUTS_MAX = Number(process.env.FLOTILLA_TEST_CUTS ?? 15);

describe.each(remoteStores)("a catch-up with $name", (kind) => {
  let started: StartedStore;
  let relay: Relay;
  let past: Past;
  let points: number[];
  beforeAll(async () => {
    started = await kind.start();
    past = await writePast(started.direct, CHANGES);
    relay = await Relay.open(started.port);
    const frames = new FrameStarts();
    relay.onPiece = (piece) => frames.add(piece);
    expect(await catchUp(relay, past)).toEqual(past.changes);
    relay.onPiece = undefined;
    points = frames.cutPoints();
  });
  afterAll(async () => {
    await relay.close();
    await started.stop();
  });

  /** Evenly over the whole catch-up, from its first byte to its last. */
  function chosen(): number[] {
    const step = Math.max(1, points.length / CUTS_MAX);
    return Array.from(
      { length: Math.min(points.length, CUTS_MAX) },
      (_, at) => points[Math.floor(at * step)] ?? 0,
    );
  }

  test("loses and doubles nothing wherever it is cut", async () => {
    for (const [at, point] of chosen().entries()) {
      const before = relay.cuts;
      relay.cutStyle = at % 2 === 0 ? "reset" : "finish";
      relay.cutAfter = point;
      // The second connection is cut as well, so that what was resumed is resumed once more.
      relay.cutsLeft = 2;
      const changes = await catchUp(relay, past);
      relay.cutsLeft = 0;
      expect([point, changes.length, changes]).toEqual([point, past.changes.length, past.changes]);
      expect(relay.cuts).toBeGreaterThan(before);
    }
  }, 600_000);
});
