import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import type { Way } from "./dial.ts";
import { SystemdLink } from "./link.ts";

/** A way that leads nowhere: its socket is not there, or nobody answers behind it. */
function way(name: string, open: () => Promise<Duplex>): Way {
  return { name, isDirect: true, open };
}

const absent = way("one that is absent", () => Promise.reject(new Error("ENOENT")));
const silent = way("one that is silent", async () => {
  return new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
});

function link(ways: readonly Way[]): { readonly link: SystemdLink; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  const ignore = (): void => undefined;
  const options = { ways, clock, random: seededRandom(1), log: silentLogger };
  return { link: new SystemdLink({ ...options, onSignal: ignore, onUp: ignore }), clock };
}

/** Lets a promise settle under a clock that runs as fast as it can. */
async function settle<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = promise.finally(() => {
    isOver = true;
  });
  over.catch(() => undefined);
  while (!isOver) {
    clock.fireNext();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return over;
}

describe("the link to systemd", () => {
  test("is given up after a while, saying what each way came to", async () => {
    const { link: one, clock } = link([absent, silent]);
    await expect(settle(clock, one.open())).rejects.toMatchObject({
      code: "unreachable",
      retryable: true,
      causes: ["one that is absent: ENOENT", "one that is silent: systemd does not answer the handshake"],
    });
    await one.close();
  });

  test("lets a call wait, and fails it with an error that may be tried again", async () => {
    const { link: one, clock } = link([absent]);
    const begin = clock.monotonic();
    await expect(settle(clock, one.manager("Reload"))).rejects.toMatchObject({
      code: "unreachable",
      retryable: true,
      message: "systemd cannot be reached",
    });
    expect(clock.monotonic() - begin).toBeGreaterThanOrEqual(15_000);
    await one.close();
  });

  test("fails what waits when it is closed", async () => {
    const { link: one } = link([absent]);
    const waiting = one.manager("Reload");
    await one.close();
    await expect(waiting).rejects.toMatchObject({ code: "unreachable" });
  });

  test("fails at once what is called after that", async () => {
    const { link: one } = link([absent]);
    await one.close();
    await expect(one.manager("Reload")).rejects.toMatchObject({ message: "the supervisor is closing" });
  });
});
