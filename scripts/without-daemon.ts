/** What both the bundle of a checkout and the single executable leave out of the program that most commands are run by. */
import type { Plugin } from "esbuild";

/** Leaves out the commands that are run by the other program, which is in chunks. */
export const withoutDaemon: Plugin = {
  name: "without-daemon",
  setup: ({ onResolve }) => {
    onResolve({ filter: /^\.\/(daemon|dev)\.ts$/ }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined,
    );
  },
};
