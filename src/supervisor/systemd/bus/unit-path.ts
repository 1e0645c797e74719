/** D-Bus object paths of units: `a@b.service` is `/org/freedesktop/systemd1/unit/a_40b_2eservice`. Pure. */

const UNITS = "/org/freedesktop/systemd1/unit/";

export function pathOfUnit(unit: string): string {
  const escaped = [...Buffer.from(unit)].map((byte, index) => {
    const letter = String.fromCharCode(byte);
    // A path's part does not begin with a digit.
    const isPlain = index === 0 ? /[A-Za-z]/ : /[A-Za-z0-9]/;
    return isPlain.test(letter) ? letter : `_${byte.toString(16).padStart(2, "0")}`;
  });
  return UNITS + (escaped.length === 0 ? "_" : escaped.join(""));
}

/** Undefined for a path that is no unit's. */
export function unitOfPath(path: string): string | undefined {
  if (!path.startsWith(UNITS)) return undefined;
  const name = path.slice(UNITS.length);
  const bytes = name.replace(/_([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** `org.freedesktop.systemd1.Service` for `a.service`: where the properties of its type are. */
export function interfaceOfUnit(unit: string): string {
  const type = unit.slice(unit.lastIndexOf(".") + 1);
  return `org.freedesktop.systemd1.${type.charAt(0).toUpperCase()}${type.slice(1)}`;
}
