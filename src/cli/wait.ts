/** `flotilla wait`: ends when units are in a state; exit code 7 when they are not in time. */
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { awaitUnits } from "./units/await-units.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";
import { AWAITED_STATES, type AwaitedState } from "./units/goals.ts";

export async function wait(context: CommandContext): Promise<number> {
  const goal = readState(context.options.text("for") ?? "active");
  const units = [...new Set(context.args.map(completeUnitName))];
  const client = await context.client();
  // A mistyped name would be waited for until time is up.
  if (goal !== "gone") {
    for (const unit of units) await askAboutUnit(unit, client, () => client.unit(unit, context.io.signal));
  }
  return awaitUnits(units, goal, context);
}

/** @throws FlotillaError `usage` */
function readState(text: string): AwaitedState {
  const state = AWAITED_STATES.find((one) => one === text);
  if (state !== undefined) return state;
  const near = nearest(text, AWAITED_STATES);
  throw new FlotillaError("usage", `--for takes ${AWAITED_STATES.join(", ")}, not ${text}`, {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
