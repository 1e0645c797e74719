/** Moments and lengths of time as a person reads them. Pure. */

const STEPS: readonly (readonly [unit: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** `3min 12s`: the two largest units. */
export function formatAge(ageMs: number): string {
  let seconds = Math.max(0, Math.floor(ageMs / 1000));
  const parts: string[] = [];
  for (const [unit, size] of STEPS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.length === 0 ? "0s" : parts.join(" ");
}

/** `2026-11-23 03:52:58` in local time. */
export function formatTime(timeMs: number): string {
  const time = new Date(timeMs);
  const day = [time.getFullYear(), pad(time.getMonth() + 1), pad(time.getDate())].join("-");
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(":")}`;
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
