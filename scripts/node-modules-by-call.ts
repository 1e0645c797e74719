/** What both the bundle of a checkout and the single executable do with Node's own modules. */
import type { Plugin } from "esbuild";

/**
 * Node's own modules are asked for by a call, and only for what is used of them. An import statement makes Node look at
 * every export of a module, and what it loads only when it is looked at comes along: fetch with `http`, `fs/promises`
 * with `fs`, half of the rest with `util`.
 *
 * What commander could run programs with is left out: the command line asks it for none, and it takes 2 ms to load.
 */
export const nodeModulesByCall: Plugin = {
  name: "node-modules-by-call",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      importer.includes("/commander/") ? { path, namespace: "unused" } : undefined,
    );
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "node-module", sideEffects: false }));
    onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "export default {};" }));
    onLoad({ filter: /.*/, namespace: "node-module" }, ({ path }) => ({ contents: exportsByCall(path) }));
  },
};

function exportsByCall(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) =>
    /^[A-Za-z]\w*$/.test(name),
  );
  return [
    `const all = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)});`,
    "export default all;",
    ...names.map((name) => `const its${name} = /* @__PURE__ */ (() => all.${name})();`),
    `export { ${names.map((name) => `its${name} as ${name}`).join(", ")} };`,
  ].join("\n");
}
