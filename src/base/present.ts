/** A property that is there only when it has a value, to be spread into an object. */
export function present<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  const properties: { [P in K]?: T } = {};
  if (value !== undefined) properties[key] = value;
  return properties;
}
