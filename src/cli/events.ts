/** `flotilla events`: what happened in the cluster, and with -f what happens. */
import type { EventBody } from "#api/bodies.ts";
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { formatEvent } from "./event-line.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

const DEFAULT_LINES = 50;

export async function events({ options, io, format, client }: CommandContext): Promise<number> {
  const api = await client();
  const unit = options.text("unit");
  const machine = options.text("machine");
  const filter = {
    ...(unit === undefined ? {} : { unit: completeUnitName(unit) }),
    ...(machine === undefined ? {} : { machine }),
  };
  const lines = options.count("lines") ?? DEFAULT_LINES;
  // The last event is asked for also where none is to be shown: what follows begins behind it.
  const known = await api.events(filter, Math.max(lines, 1), io.signal);
  const latest = lines === 0 ? [] : known;
  const follow = options.flag("follow");
  const show = (event: EventBody): void =>
    writeLines(io.stdout, [isData(format) ? JSON.stringify(event) : formatEvent(event)]);
  if (isData(format) && format !== "ndjson" && !follow) await showData(io.stdout, { events: latest }, format);
  else for (const event of latest) show(event);
  if (!follow) return 0;
  // Following from the last event that was shown leaves no gap between the list and the stream.
  for await (const event of api.followEvents(filter, known.at(-1)?.id ?? "0", io.signal)) show(event);
  return 0;
}
