import fc from "fast-check";
import { expect, test } from "vitest";
import { machineSerial, machineSerials } from "./serials.ts";

const DAY_MS = 86_400_000;
const ids = fc.stringMatching(/^[0-9a-f]{32}$/);
const times = fc.integer({ min: DAY_MS, max: Date.UTC(2100, 0) });

test("whatever day a certificate was made in the time that is asked for, its number is named", () => {
  fc.assert(
    fc.property(
      ids,
      times,
      fc.nat(100 * DAY_MS),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (id, from, length, at) => {
        const named = machineSerials(id, from, from + length).map((serial) => serial.toString("hex"));
        expect(named).toContain(machineSerial(id, from + Math.floor(at * length)).toString("hex"));
      },
    ),
  );
});

test("numbers of two machines, or of two days, are never the same, and none is over 20 bytes as DER has it", () => {
  fc.assert(
    fc.property(ids, ids, times, times, (id, other, at, then) => {
      const serial = machineSerial(id, at);
      const isSame = id === other && Math.floor(at / DAY_MS) === Math.floor(then / DAY_MS);
      expect(serial.equals(machineSerial(other, then))).toBe(isSame);
      // One byte more where the first bit is set.
      expect(serial.length).toBeLessThan(20);
    }),
  );
});
