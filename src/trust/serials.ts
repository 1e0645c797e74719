/**
 * The numbers of machines' certificates: the machine's ID and the day. So whoever knows that a machine was removed can
 * name every certificate that it may have, and none of them has to be written down anywhere. Pure.
 */
const DAY_MS = 86_400_000;

/** A machine has no two certificates of one day but where it has asked for one twice. @param id 32 hex digits */
export function machineSerial(id: string, atMs: number): Buffer {
  return ofDay(id, dayOf(atMs));
}

/** The number of every certificate that was made for the machine in that time; clocks may differ by a day. */
export function machineSerials(id: string, fromMs: number, toMs: number): readonly Buffer[] {
  const first = dayOf(fromMs) - 1;
  return Array.from({ length: dayOf(toMs) + 2 - first }, (_, index) => ofDay(id, first + index));
}

function dayOf(timeMs: number): number {
  return Math.max(1, Math.floor(timeMs / DAY_MS));
}

/** With the bytes of the ID first, it is positive and not over 20 bytes long. */
function ofDay(id: string, day: number): Buffer {
  const days = Buffer.alloc(3);
  days.writeUIntBE(day, 0, 3);
  return Buffer.concat([Buffer.from(id, "hex"), days]);
}
