/**
 * `flotilla dev up` from beginning to end: hold a cluster up, bring units up on it, tell what happens, and leave
 * nothing behind.
 */
import type { Server } from "node:net";
import type { UnitRow } from "#api/bodies.ts";
import { sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { FlotillaClient } from "#client/client.ts";
import { type HostRequest, type HostStatus, makeDirectory, serveHost } from "./control.ts";
import { type CommandWording, guideLines } from "./guide.ts";
import { DevHost, type HostOptions } from "./host.ts";
import { type DevLayout, socketOf } from "./layout.ts";
import { isSettled, LEGEND, overviewLines, settledLine } from "./overview.ts";
import type { Screen } from "./screen.ts";
import { tellStory } from "./story.ts";
import { type ReadUnit, readUnitList, submitUnitList, type UnitList } from "./unit-list.ts";

export interface UpOptions extends Omit<HostOptions, "onNote"> {
  /** Path of a list of units to bring up. */
  readonly units: string | undefined;
  readonly readUnit: ReadUnit;
  readonly screen: Screen;
  readonly wording: CommandWording;
  /** Called once everything asked for is there. */
  readonly onReady: () => void;
}

/** Machines join within a second or two; a computer under load gets more. */
const JOIN_TIMEOUT_MS = 30_000;
const SETTLE_TIMEOUT_MS = 45_000;
const ASK_AGAIN_MS = 100;

/** Holds the cluster up until a signal or `flotilla dev down` ends it; then everything it started is gone. */
export async function up(options: UpOptions): Promise<void> {
  const list = options.units === undefined ? undefined : await readUnitList(options.units, options.readUnit);
  await makeDirectory(options.directory);
  const end = new AbortController();
  const hosting = Promise.withResolvers<DevHost>();
  // A refusal to start is told by the start itself.
  hosting.promise.catch(() => undefined);
  const server = await serveHost(options.directory, async (request) =>
    answer(request, await hosting.promise, end),
  );
  const releaseSignals = onEndSignal((signal) => {
    // The terminal is gone, and writing to it would fail.
    if (signal === "SIGHUP") options.screen.mute();
    end.abort(signal === "SIGINT" ? "Ctrl-C" : signal);
  });
  try {
    const host = await DevHost.start({ ...options, onNote: (note) => options.screen.print(note) });
    hosting.resolve(host);
    await holdUp(host, list, options, end.signal);
  } catch (error) {
    hosting.reject(error);
    throw error;
  } finally {
    releaseSignals();
    await close(server);
  }
}

async function holdUp(
  host: DevHost,
  list: UnitList | undefined,
  options: UpOptions,
  signal: AbortSignal,
): Promise<void> {
  const { screen } = options;
  try {
    await bringUp(host, list, options, signal);
    host.markReady();
    options.onReady();
    await tellStory(host, options, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await takeDown(host, screen, signal);
  }
}

async function takeDown(host: DevHost, screen: Screen, signal: AbortSignal): Promise<void> {
  screen.print("", `Stopping${signal.aborted ? ` (${String(signal.reason)})` : ""} …`);
  await host.stop();
  const { machines, directory } = host.layout;
  screen.print(`Stopped: ${machines.length} machines and all they ran. Their state is kept in ${directory}.`);
}

async function bringUp(
  host: DevHost,
  list: UnitList | undefined,
  options: UpOptions,
  signal: AbortSignal,
): Promise<void> {
  const { layout } = host;
  const { screen } = options;
  const count = layout.machines.length;
  screen.print(`Starting ${count} ${count === 1 ? "machine" : "machines"} in ${layout.directory} …`);
  const client = clientOf(layout);
  const notEnforced = await waitForMachines(client, layout, options, signal);
  if (notEnforced.length > 0)
    screen.print("What this computer cannot do for units:", ...notEnforced.map((note) => `  ${note}`));
  if (list !== undefined) {
    await submitUnitList(client, list);
    await waitForUnits(client, layout, list, options, signal);
  }
  screen.print("", ...guideLines(layout, options.wording, list?.start.map(({ unit }) => unit) ?? []));
}

function clientOf(layout: DevLayout): FlotillaClient {
  const [first] = layout.machines;
  if (first === undefined) throw new FlotillaError("internal", "a development cluster without machines");
  return new FlotillaClient({ endpoint: `unix:${socketOf(first)}` });
}

/** Resolves when every machine has joined, with what they cannot enforce. An API that is not up yet has no event to wait for. */
async function waitForMachines(
  client: FlotillaClient,
  layout: DevLayout,
  { clock }: UpOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const deadlineMs = clock.monotonic() + JOIN_TIMEOUT_MS;
  for (;;) {
    const machines = await client.machines(signal).then(
      (answer) => answer.machines,
      () => [],
    );
    signal.throwIfAborted();
    const here = new Set(machines.map((machine) => machine.name));
    const missing = layout.machines.filter((machine) => !here.has(machine.name));
    if (missing.length === 0) return [...new Set(machines.flatMap((machine) => machine.notEnforced))];
    if (clock.monotonic() > deadlineMs)
      throw notJoined(
        missing.map((machine) => machine.name),
        layout,
      );
    await sleep(clock, ASK_AGAIN_MS, signal);
  }
}

function notJoined(missing: readonly string[], layout: DevLayout): FlotillaError {
  return new FlotillaError(
    "timeout",
    `${missing.join(", ")} did not join within ${JOIN_TIMEOUT_MS / 1000} s`,
    {
      causes: missing.map((name) => `its daemon writes to ${layout.directory}/${name}/daemon.log`),
      hint:
        layout.network === null
          ? "look there for the reason"
          : "if it cannot reach the store, try --no-netns",
    },
  );
}

/** Shows what runs where as it comes up, until all that was started has settled or a time is over. */
async function waitForUnits(
  client: FlotillaClient,
  layout: DevLayout,
  list: UnitList,
  { screen, clock, wording }: UpOptions,
  signal: AbortSignal,
): Promise<void> {
  const rows = new Map<string, readonly UnitRow[]>();
  const waiting = (): readonly string[] =>
    list.start.map(({ unit }) => unit).filter((unit) => !hasSettled(rows.get(unit), layout));
  const show = progressOn(screen, layout);
  const late = new AbortController();
  const timer = clock.setTimer(SETTLE_TIMEOUT_MS, () => late.abort());
  try {
    for await (const change of client.watchUnits(undefined, AbortSignal.any([signal, late.signal]))) {
      for (const name of change.names)
        rows.set(
          name,
          change.units.filter((row) => row.unit === name),
        );
      show([...rows.values()].flat());
      if (waiting().length === 0) break;
    }
  } finally {
    timer.cancel();
  }
  signal.throwIfAborted();
  screen.keepBlock();
  for (const unit of waiting()) screen.print(`${unit} is not up yet; ask: ${wording.program} why ${unit}`);
}

/** On a terminal the whole picture, drawn over itself; elsewhere a line for each unit that has settled. */
function progressOn(screen: Screen, layout: DevLayout): (rows: readonly UnitRow[]) => void {
  const told = new Set<string>();
  return (rows) => {
    const lines = [...overviewLines(layout, rows, screen.width), LEGEND];
    if (screen.canRedraw(lines.length)) screen.block(lines);
    else tellSettled(rows, told, screen);
  };
}

function hasSettled(rows: readonly UnitRow[] | undefined, layout: DevLayout): boolean {
  if (rows === undefined || rows.length === 0 || !rows.every(isSettled)) return false;
  return rows.some((row) => row.global) ? rows.length === layout.machines.length : true;
}

function tellSettled(rows: readonly UnitRow[], told: Set<string>, screen: Screen): void {
  for (const row of rows.filter(isSettled)) {
    const line = settledLine(row);
    if (told.has(line)) continue;
    told.add(line);
    screen.print(line);
  }
}

async function answer(request: HostRequest, host: DevHost, end: AbortController): Promise<HostStatus> {
  if (request.do === "kill") await host.kill(request.machine);
  if (request.do === "restart") await host.restart(request.machine);
  if (request.do === "down") {
    end.abort("flotilla dev down");
    await host.stop();
  }
  return host.status;
}

/** Repeated signals change nothing: what has been started is ended in order, in bounded time. */
function onEndSignal(end: (signal: string) => void): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const listeners = signals.map((signal) => [signal, (): void => end(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
