/** Which units belong together: the instances of one template. */

/** `web@.service` for `web@1.service`; undefined for a unit that is no instance. */
export function groupOf(unit: string): string | undefined {
  const at = unit.indexOf("@");
  const dot = unit.lastIndexOf(".");
  if (at < 0 || dot <= at + 1) return undefined;
  return unit.slice(0, at + 1) + unit.slice(dot);
}
