/** `flotilla why`: the story of one unit. */
import type { Why } from "#api/bodies.ts";
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { formatEvent } from "./event-line.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import type { Paint } from "./terminal/style.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";
import { stateText } from "./units/state-text.ts";

export async function why({ args, io, format, paint, client }: CommandContext): Promise<number> {
  const unit = completeUnitName(args[0] ?? "");
  const api = await client();
  const story = await askAboutUnit(unit, api, () => api.why(unit, io.signal));
  if (isData(format)) await showData(io.stdout, story, format);
  else writeLines(io.stdout, formatStory(story, paint));
  return 0;
}

function formatStory(story: Why, paint: Paint): string[] {
  return [
    `${paint("bold", story.unit)}, asked to be ${story.desired}: ${story.summary}`,
    ...(story.holding === null ? [] : [`The engine holds back moves: ${story.holding}`]),
    ...story.next.map((step) => `Next: ${step}`),
    ...(story.promise === null ? [] : [`If its machine dies: ${story.promise.text}`]),
    ...section("On its machines", story.rows.flatMap(describeRow), paint),
    ...section("Machines", story.machines.map(describeMachine), paint),
    ...section("Latest events", story.events.map(formatEvent), paint),
  ];
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : ["", paint("bold", `${title}:`), ...lines.map((line) => `  ${line}`)];
}

function describeRow(row: Why["rows"][number]): string[] {
  if (row.machine === null) return [];
  const state = row.active === null ? "has not reported yet" : stateText(row);
  return [`${row.machineName}: ${state}${row.message === null ? "" : `: ${row.message}`}`];
}

function describeMachine({ machineName, verdict, reason }: Why["machines"][number]): string {
  const words = { here: "has it", chosen: "would get it", fits: "could take it, another is better" };
  return `${machineName}: ${verdict === "refused" ? `cannot take it: ${reason}` : words[verdict]}`;
}
