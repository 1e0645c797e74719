/** `flotilla dev …`: a cluster of machines on this computer. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { askHost, endHost, type HostStatus, isServed } from "#dev/control.ts";
import { detach } from "#dev/detach.ts";
import type { CommandWording } from "#dev/guide.ts";
import { readLayout, sweep } from "#dev/host.ts";
import { environmentLines, machineNamed, storeUrl } from "#dev/layout.ts";
import { Screen } from "#dev/screen.ts";
import { up as holdUp } from "#dev/up.ts";
import { executablePath } from "#host/program-files.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { CommandContext, RunCommand } from "./command.ts";
import { showListing, writeLines } from "./terminal/output.ts";
import { findUnitSources } from "./units/unit-sources.ts";

const DEFAULT_MACHINES = 3;

export const up: RunCommand = async (context) => {
  const { options, io } = context;
  const directory = directoryOf(context);
  const launcher = launcherOf(io.env);
  if (options.flag("detach")) {
    const { said, exit } = await detach({ launcher, args: process.argv.slice(2), directory });
    writeLines(exit === 0 ? io.stdout : io.stderr, [said]);
    return exit;
  }
  const screen = new Screen(process.stdout);
  // Whoever reads the output may go away; the cluster is still ended in order.
  process.stdout.removeAllListeners("error").on("error", () => screen.mute());
  const units = options.text("units");
  await holdUp({
    directory,
    machines: options.count("machines") ?? DEFAULT_MACHINES,
    network: options.flag("netns") ? "auto" : "shared",
    environment: readVariables(options.text("env") ?? ""),
    units: units === undefined ? undefined : resolve(io.cwd, units),
    readUnit,
    launcher,
    screen,
    wording: wordingOf(context),
    clock: systemClock,
    random: systemRandom,
    onReady: () => process.send?.("ready"),
  });
  return 0;
};

/** A unit file with its drop-ins, as `flotilla submit` would send it. */
async function readUnit(path: string): Promise<string> {
  const [source] = await findUnitSources([path], "/");
  return source?.text ?? source?.templateText ?? "";
}

export const down: RunCommand = async (context) => {
  const directory = directoryOf(context);
  if (await isServed(directory)) await endHost(directory, systemClock);
  else if ((await readLayout(directory)) === undefined) throw neverUp(directory);
  else await sweep(directory, systemClock);
  writeLines(context.io.stderr, [`The development cluster in ${directory} is down.`]);
  return 0;
};

export const kill: RunCommand = async (context) => {
  const directory = directoryOf(context);
  const [name = ""] = context.args;
  const { layout } = await askHost(directory, { do: "kill", machine: name });
  const { storePort, directory: own } = machineNamed(layout, name);
  // A store that has moved to etcd is no longer one machine's.
  const holdsStore = storePort !== null && !existsSync(join(own, "store.json"));
  writeLines(context.io.stderr, [
    `${name} is off: its daemon and all it ran are killed.`,
    !holdsStore
      ? "Its units are placed elsewhere when no machine hears of it any more; watch with: flotilla events -f"
      : `It holds the store: until it is back nothing is placed, and what runs on other machines runs on. Switch it on with: ${wordingOf(context).dev(`restart ${name}`)}`,
  ]);
  return 0;
};

export const restart: RunCommand = async (context) => {
  const [name = ""] = context.args;
  await askHost(directoryOf(context), { do: "restart", machine: name });
  writeLines(context.io.stderr, [`${name} is on.`]);
  return 0;
};

export const env: RunCommand = async (context) => {
  const directory = directoryOf(context);
  const { layout } = await askHost(directory, { do: "status" });
  writeLines(context.io.stdout, environmentLines(layout));
  return 0;
};

export const status: RunCommand = async (context) => {
  const { format, paint, options, io } = context;
  const found = await askHost(directoryOf(context), { do: "status" });
  const listing = {
    key: "machines",
    items: machineItems(found),
    columns: [
      { field: "machine", value: (item: MachineItem) => item.machine },
      { field: "power", value: (item: MachineItem) => item.power },
      { field: "address", value: (item: MachineItem) => item.address },
      { field: "api", value: (item: MachineItem) => item.api },
      { field: "store", value: (item: MachineItem) => item.store ?? "" },
      { field: "pid", value: (item: MachineItem) => String(item.pid ?? "") },
      { field: "directory", value: (item: MachineItem) => item.directory },
    ],
    fields: "machine,power,address,api,store,pid",
    name: (item: MachineItem) => item.machine,
  };
  await showListing(io.stdout, listing, { format, fields: undefined, legend: options.flag("legend"), paint });
  return 0;
};

interface MachineItem {
  readonly machine: string;
  readonly power: string;
  readonly address: string;
  readonly api: string;
  /** The store's endpoint, on the machine that has it. */
  readonly store: string | null;
  readonly pid: number | null;
  readonly directory: string;
}

function machineItems({ layout, machines }: HostStatus): readonly MachineItem[] {
  return machines.map(({ name, power, pid }) => {
    const { address, apiPort, storePort, directory } = machineNamed(layout, name);
    return {
      machine: name,
      power,
      address,
      api: `http://${address}:${apiPort}`,
      store: storePort === null ? null : storeUrl(layout),
      pid: pid ?? null,
      directory,
    };
  });
}

function directoryOf({ options, io }: CommandContext): string {
  const given = options.text("dir");
  if (given !== undefined) return resolve(io.cwd, given);
  // The XDG Base Directory Specification has relative paths ignored.
  const { XDG_STATE_HOME: asked = "" } = io.env;
  const state = isAbsolute(asked) ? asked : join(homedir(), ".local", "state");
  return join(state, "flotilla", "dev");
}

/** How commands have to be typed here to find the same cluster. */
function wordingOf({ options, io }: CommandContext): CommandWording {
  const launcher = io.env.FLOTILLA_LAUNCHER ?? executablePath() ?? "flotilla";
  const near = relative(io.cwd, launcher);
  const program = near.startsWith("../..") ? launcher : near;
  const given = options.text("dir");
  const dir = given === undefined ? "" : ` --dir ${given}`;
  const down = `${program} dev down${dir}`;
  // A dev host that was detached has its starter to answer to.
  const isDetached = process.send !== undefined;
  return {
    program,
    dev: (verb) => `${program} dev ${verb}${dir}`,
    end: isDetached
      ? `It runs on by itself; end it with: ${down}`
      : "Ctrl-C stops everything. What happens meanwhile is told here:",
  };
}

function launcherOf(environment: CommandContext["io"]["env"]): string {
  const launcher = environment.FLOTILLA_LAUNCHER ?? executablePath();
  if (launcher !== undefined) return launcher;
  throw new FlotillaError("unsupported", "FLOTILLA_LAUNCHER does not say which program runs the daemons", {
    hint: "run this command by bin/flotilla, which sets it",
  });
}

/** @throws FlotillaError `usage` for what is not NAME=VALUE. */
function readVariables(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").filter((part) => part !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(pair) ?? [];
      if (name === undefined) throw new FlotillaError("usage", `--env takes NAME=VALUE, not ${pair}`);
      return [name, value ?? ""];
    }),
  );
}

function neverUp(directory: string): FlotillaError {
  return new FlotillaError("unreachable", `there is no development cluster in ${directory}`, {
    hint: "start one with: flotilla dev up",
  });
}
