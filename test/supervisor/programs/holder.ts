/** Holds a supervisor as a daemon does, until it is killed: `holder.ts DIRECTORY UNIT…` starts the units, then says so. */
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { createEmbeddedSupervisor } from "#supervisor/embedded/embedded-supervisor.ts";

const [directory = "", cgroupName = "", ...units] = process.argv.slice(2);
const supervisor = await createEmbeddedSupervisor({
  directory,
  runDirectory: join(directory, "run"),
  cgroupName: cgroupName === "" ? undefined : cgroupName,
  clock: systemClock,
  random: systemRandom,
});
// What is waited for from shims keeps no process alive, as a daemon's own work does.
setInterval(() => {}, 60_000);
const outcomes = await Promise.all(units.map((unit) => supervisor.start(unit)));
process.stdout.write(
  `${JSON.stringify({ outcomes, statuses: supervisor.statuses(), enforcement: supervisor.enforcement })}\n`,
);
