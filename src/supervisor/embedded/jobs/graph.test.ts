import { expect, test } from "vitest";
import { ATOMS, type Atom, type Relation, type Relations } from "./atoms.ts";
import { DependencyGraph } from "./graph.ts";

const NONE: Relations = {
  requires: [],
  requiredBy: [],
  requisite: [],
  wants: [],
  wantedBy: [],
  bindsTo: [],
  partOf: [],
  upholds: [],
  conflicts: [],
  before: [],
  after: [],
  onFailure: [],
  onSuccess: [],
  propagatesStopTo: [],
  stopPropagatedFrom: [],
  propagatesReloadTo: [],
  reloadPropagatedFrom: [],
  joinsNamespaceOf: [],
  triggers: [],
  triggeredBy: [],
};

function graph(
  units: Readonly<Record<string, Partial<Relations>>>,
  options: { readonly defaults?: boolean; readonly aliases?: Readonly<Record<string, string>> } = {},
): DependencyGraph {
  const { defaults = true, aliases = {} } = options;
  const entries = Object.entries(units).map(
    ([name, relations]) =>
      [name, { relations: { ...NONE, ...relations }, defaultDependencies: defaults, slices: [] }] as const,
  );
  return new DependencyGraph(new Map(entries), (name) => aliases[name] ?? name);
}

test.each(Object.keys(ATOMS) as readonly Relation[])("%s= gives both units its atoms", (relation) => {
  const edges = graph({ "a.service": { [relation]: ["b.service"] }, "b.service": {} });
  const { own, inverse } = ATOMS[relation];
  for (const atom of own) expect(edges.related("a.service", atom), atom).toEqual(["b.service"]);
  for (const atom of inverse) expect(edges.related("b.service", atom), atom).toEqual(["a.service"]);
});

test.each([
  ["wantedBy", "wants", "pull-in-start-ignored"],
  ["requiredBy", "requires", "pull-in-start"],
  ["stopPropagatedFrom", "propagatesStopTo", "propagate-stop"],
  ["reloadPropagatedFrom", "propagatesReloadTo", "propagates-reload-to"],
  ["before", "after", "after"],
] as const)("%s= is %s= from the other side", (from, to, atom: Atom) => {
  const one = graph({ "a.service": { [to]: ["b.service"] }, "b.service": {} });
  const other = graph({ "a.service": {}, "b.service": { [from]: ["a.service"] } });
  expect(one.related("a.service", atom)).toEqual(["b.service"]);
  expect(other.related("a.service", atom)).toEqual(["b.service"]);
});

test("a unit that is said to be related twice is related once, and none to itself", () => {
  const edges = graph({ "a.service": { requires: ["b.service", "a.service"], bindsTo: ["b.service"] } });
  expect(edges.related("a.service", "pull-in-start")).toEqual(["b.service"]);
  expect(edges.related("a.service", "propagate-stop")).toEqual([]);
});

test("names are resolved, so that an alias is its unit", () => {
  const edges = graph(
    { "a.service": { requires: ["alias.service"] }, "b.service": {} },
    { aliases: { "alias.service": "b.service" } },
  );
  expect(edges.related("a.service", "pull-in-start")).toEqual(["b.service"]);
  expect(edges.related("b.service", "propagate-stop")).toEqual(["a.service"]);
});

test("a unit that is not there has edges all the same", () => {
  const edges = graph({ "a.service": { wants: ["none.service"] } });
  expect(edges.related("a.service", "pull-in-start-ignored")).toEqual(["none.service"]);
  expect(edges.related("none.service", "pins")).toEqual(["a.service"]);
});

test.each(["requires", "requisite", "wants", "bindsTo", "partOf", "upholds"] as const)(
  "a target comes after what it names in %s=",
  (relation) => {
    const edges = graph({ "t.target": { [relation]: ["b.service"] }, "b.service": {} });
    expect(edges.related("t.target", "after")).toEqual(["b.service"]);
    expect(edges.related("b.service", "before")).toEqual(["t.target"]);
  },
);

test("a target does not come after what it comes before, what is not there, or where no defaults are wanted", () => {
  const before = graph({ "t.target": { wants: ["b.service"], before: ["b.service"] }, "b.service": {} });
  expect(before.related("t.target", "after")).toEqual([]);
  expect(graph({ "t.target": { wants: ["none.service"] } }).related("t.target", "after")).toEqual([]);
  const none = graph({ "t.target": { wants: ["b.service"] }, "b.service": {} }, { defaults: false });
  expect(none.related("t.target", "after")).toEqual([]);
});

test("a unit needs, and follows, the innermost of its slices that there is a file for", () => {
  const unit = (...slices: readonly string[]) => ({ relations: NONE, defaultDependencies: false, slices });
  const graph = new DependencyGraph(
    new Map([
      ["a.service", unit("x.slice", "x-y.slice", "x-y-z.slice")],
      ["b.service", unit("v.slice")],
      ["x.slice", unit()],
      ["x-y.slice", unit("x.slice")],
    ]),
  );
  expect(graph.related("a.service", "pull-in-start")).toEqual(["x-y.slice"]);
  expect(graph.related("a.service", "after")).toEqual(["x-y.slice"]);
  expect(graph.related("x.slice", "propagate-stop")).toEqual(["x-y.slice"]);
  expect(graph.related("b.service", "pull-in-start")).toEqual([]);
});
