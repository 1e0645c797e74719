/**
 * A supervisor that is never at rest, until it is killed: `daemon.ts OPTIONS SEED [EFFECTS]`, the options as JSON; with
 * EFFECTS it kills itself behind so many of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { randomInteger, seededRandom } from "#base/random.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { createEmbeddedSupervisor } from "#supervisor/embedded/embedded-supervisor.ts";
import { cutBehind } from "./cut.ts";
import { CHURNED, ENDING_UNITS, PATH, SOCKET, TIMER } from "./units.ts";

const options = z.object({
  directory: z.string(),
  runDirectory: z.string(),
  cgroupName: z.string().optional(),
});

const [text = "", seed = "0", effects] = process.argv.slice(2);
if (effects !== undefined) cutBehind(Number(effects));
const random = seededRandom(Number(seed));
process.stdout.write("begun\n");
const supervisor = await createEmbeddedSupervisor({
  ...options.parse(JSON.parse(text)),
  clock: systemClock,
  random: systemRandom,
});
process.stdout.write("up\n");
for (const name of [...ENDING_UNITS, TIMER, SOCKET, PATH]) void supervisor.start(name);
for (;;) {
  const name = CHURNED[randomInteger(random, 0, CHURNED.length - 1)] ?? "";
  const type = (["start", "stop", "restart"] as const)[randomInteger(random, 0, 2)] ?? "start";
  void supervisor[type](name);
  await sleep(randomInteger(random, 0, 40));
}
