/** Where slices are: `a-b.slice` is inside `a.slice`, which is inside the root slice `-.slice` (systemd.slice(5)). */

/** The slices from the outermost to the one named, without the root. None when no slice, or the root, is named. */
export function slicePath(name: string | undefined): readonly string[] {
  if (name === undefined || name === "-.slice") return [];
  const parts = name.slice(0, -".slice".length).split("-");
  return parts.map((_, index) => `${parts.slice(0, index + 1).join("-")}.slice`);
}
