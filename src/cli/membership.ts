/** What `init` and `join` have in common: where a machine's membership is kept, and how it is shown. */
import { resolve } from "node:path";
import type { CommandContext } from "./command.ts";
import { isData, showData } from "./terminal/output.ts";

const DEFAULT_DIRECTORY = "/var/lib/flotilla";
/** Where a daemon serves its API unless it is told otherwise. */
export const API_PORT = 7400;

export interface Membership {
  readonly clusterId: string;
  readonly clusterName: string;
  /** Its ID. */
  readonly machine: string;
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  /** Whether the daemon has been started. */
  readonly started: boolean;
}

/** The daemon's directory, as the command line or the environment says. */
export function directoryOf({ options, io }: CommandContext): string {
  return resolve(io.cwd, options.text("dir") ?? (io.env.FLOTILLA_DIR || DEFAULT_DIRECTORY));
}

/** Shows it where data was asked for; false where a person wants to read of it. */
export async function showAsData(
  { io, format }: CommandContext,
  { clusterId, clusterName, ...member }: Membership,
): Promise<boolean> {
  if (!isData(format)) return false;
  await showData(io.stdout, { cluster: { id: clusterId, name: clusterName }, ...member }, format);
  return true;
}
