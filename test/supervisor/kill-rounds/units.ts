/**
 * The units of the kill rounds: of every type a service that goes on, one that ends and is restarted, and one that is
 * started and stopped; and services that a timer, a socket and a file start.
 */

import type { UnitSource } from "#supervisor/supervisor.ts";
import { service, unit } from "../machine.ts";

const TYPES = ["simple", "exec", "forking", "oneshot", "notify", "idle"] as const;

type ServiceType = (typeof TYPES)[number];

/** Lines of a run that ends, and the code it exits with. */
const ENDING = ["8", "3"];

/** Started once: each must run on whatever happens to the supervisor. */
export const STEADY = TYPES.filter((type) => type !== "oneshot").map((type) => `steady-${type}.service`);
/** Exit with a failure and are restarted. */
export const ENDING_UNITS = TYPES.map((type) => `ending-${type}.service`);
/** Started, stopped and restarted all the time. */
export const CHURNED = TYPES.map((type) => `churned-${type}.service`);
export const TIMER = "tick.timer";
const TICKED = "tick.service";
/** Serves each connection by an instance of its own. */
export const SOCKET = "served.socket";
const SERVED = "served@.service";
export const PATH = "watched.path";
/** Runs when the file has changed. */
export const WATCHED = "watched.service";
export const WORKERS = [...STEADY, ...ENDING_UNITS, ...CHURNED, TICKED, WATCHED];

export function socketIn(directory: string): string {
  return `${directory}/socket`;
}

export function fileIn(directory: string): string {
  return `${directory}/changed`;
}

/** All of them; their ledgers, the socket and the file are in `directory`. */
export function roundUnits(directory: string): readonly UnitSource[] {
  const work = (
    name: string,
    type: ServiceType,
    lines: readonly string[],
    ...more: readonly string[]
  ): UnitSource => {
    const command = `/usr/bin/perl ${import.meta.dirname}/worker.pl ${directory} ${name === SERVED ? "%n" : name}`;
    const way = type === "forking" ? "fork" : type === "notify" ? "ready" : "";
    return service(
      name,
      `Type=${type}`,
      `ExecStart=${command} ${lines.join(" ")} ${way}`,
      `ExecStopPost=${command} post`,
      ...more,
    );
  };
  const typeOf = (name: string): ServiceType => TYPES.find((type) => name.includes(type)) ?? "oneshot";
  const restart = ["Restart=on-failure", "RestartSec=100ms", "[Unit]", "StartLimitIntervalSec=0"];
  return [
    ...STEADY.map((name) => work(name, typeOf(name), ["0", "0"])),
    ...ENDING_UNITS.map((name) => work(name, typeOf(name), ENDING, ...restart)),
    ...CHURNED.map((name) => work(name, typeOf(name), typeOf(name) === "oneshot" ? ["4", "0"] : ["0", "0"])),
    work(TICKED, "oneshot", ["2", "0"]),
    work(WATCHED, "oneshot", ["1", "0"], "[Unit]", "StartLimitIntervalSec=0"),
    work(SERVED, "simple", ["2", "0"], "StandardInput=socket", "StandardOutput=journal"),
    unit(SOCKET, `[Socket]\nListenStream=${socketIn(directory)}\nAccept=yes\nTriggerLimitIntervalSec=0\n`),
    unit(PATH, `[Path]\nPathChanged=${fileIn(directory)}\nTriggerLimitIntervalSec=0\n`),
    unit(TIMER, "[Timer]\nOnActiveSec=1ms\nOnUnitInactiveSec=100ms\nAccuracySec=1ms\n"),
  ];
}
