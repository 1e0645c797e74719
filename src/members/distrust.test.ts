import { describe, expect, test } from "vitest";
import { type Distrust, problemOfDistrust } from "./distrust.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const GOOD = { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS + 89 * DAY_MS };
const REFUSED = "the connection to the store was lost: connect ECONNREFUSED 10.0.0.1:7401";

function told(distrust: Partial<Distrust>): readonly [string, readonly string[]] | undefined {
  const problem = problemOfDistrust({ nowMs: NOW_MS, own: GOOD, silence: [REFUSED], ...distrust });
  return problem && [problem.message, problem.commands];
}

describe("a store that does not answer", () => {
  test("for another reason has nothing to do with certificates", () => {
    expect(told({})).toBeUndefined();
    expect(problemOfDistrust({ nowMs: NOW_MS, silence: [] })).toBeUndefined();
  });

  test("a machine whose certificate has expired is told both ways it may be, and both times", () => {
    const [message, commands] = told({ nowMs: GOOD.toMs + 1 }) ?? [];
    expect(message).toMatch(
      /^this machine's certificate has expired: it ended 2027-02-20T12:00:00.000Z, here it is 2027-02-20T12:00:00.001Z\./,
    );
    expect(commands).toEqual([
      expect.stringContaining("timedatectl set-ntp true"),
      expect.stringContaining("flotilla leave --force"),
      "flotilla join ADDRESS --token TOKEN",
    ]);
  });

  test("a machine whose certificate begins later has a clock that is behind", () => {
    const [message, commands] = told({ nowMs: GOOD.fromMs - DAY_MS }) ?? [];
    expect(message).toMatch(
      /^this machine's clock is wrong: its certificate begins 2026-11-22T12:00:00.000Z, here it is 2026-11-21/,
    );
    expect(commands).toEqual([expect.stringContaining("timedatectl set-ntp true")]);
  });

  test.each([
    "certificate has expired",
    "certificate is not yet valid",
    "80F2:error:0A000415:SSL routines:ssl3_read_bytes:sslv3 alert certificate expired:SSL alert number 45",
    "error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:SSL alert number 42",
  ])("one of two clocks may be wrong where this is heard: %s", (text) => {
    const [message, commands] = told({ silence: [REFUSED, text] }) ?? [];
    expect(message).toContain("a certificate is not believed on the way to the store");
    expect(commands?.[0]).toBe("date  # on both machines");
  });

  test("the store's own words are told where it is its clock that differs", () => {
    const words =
      "the certificate of machine m2 is not yet valid: it begins 2026-11-22T12:00:00.000Z, here it is 2026-10-14T12:00:00.000Z";
    const [message, commands] = told({ silence: [words] }) ?? [];
    expect(message).toContain(`which says: ${words}. On this one it is 2026-11-23T12:00:00.000Z.`);
    expect(commands?.[0]).toBe("date  # on both machines");
  });
});
