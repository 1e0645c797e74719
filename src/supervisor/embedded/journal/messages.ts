/**
 * What systemd's catalog knows a message of the manager by, told from its wording, which is systemd's and fixed: the
 * MESSAGE_ID (sd-messages.h) and the fields that systemd adds to such a message. Pure.
 */
import type { Fields } from "./journal.ts";

type Row = readonly [pattern: RegExp, fields: (parts: readonly string[]) => Fields];

const STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5";
const STARTED = "39f53479d3a045ac8e11786248231fbf";
const FAILED = "be02cf6855d2428ba40df7e9d022f03d";
const STOPPING = "de5b426a63be47a7b6ac3eaac82e2f6f";
const STOPPED = "9d1aaa27d60140bd96365438aad20286";
const RELOADING = "d34d037fff1847e6ae669a370e694725";
const RELOADED = "7b05ebc668384222baa8881179cfda54";

const job = (id: string, type: string, result?: string) => (): Fields => ({
  MESSAGE_ID: id,
  JOB_TYPE: type,
  JOB_RESULT: result,
});

/** Of a job, whose message begins with what it does. */
const JOBS: readonly Row[] = [
  [/^Starting .*\.\.\.$/s, job(STARTING, "start")],
  [/^(?:Started|Finished|Listening on|Reached target|Created slice) /, job(STARTED, "start", "done")],
  [/^Failed to start /, job(FAILED, "start", "failed")],
  [/^Dependency failed for /, job(FAILED, "start", "dependency")],
  [/^Timed out starting /, job(FAILED, "start", "timeout")],
  [/^Stopping .*\.\.\.$/s, job(STOPPING, "stop")],
  [/^(?:Stopped|Closed|Removed slice) /, job(STOPPED, "stop", "done")],
  [/^Reloading .*\.\.\.$/s, job(RELOADING, "reload")],
  [/^Reloaded /, job(RELOADED, "reload", "done")],
  [/^Reload failed for /, job(RELOADED, "reload", "failed")],
];

/** Of a unit, whose message begins with its name and a colon. */
const EVENTS: readonly Row[] = [
  [
    /^(\w+) process exited, code=(\w+), status=(\S+)/,
    ([command, code, status]) => ({
      MESSAGE_ID: "98e322203f7a4ed290d09fe03c09fe15",
      COMMAND: command,
      EXIT_CODE: code,
      EXIT_STATUS: status?.replace(/\/.*/, ""),
    }),
  ],
  [
    /^Failed with result '(.+)'\.$/,
    ([result]) => ({ MESSAGE_ID: "d9b373ed55a64feb8242e02dbe79a49c", UNIT_RESULT: result }),
  ],
  [/^Deactivated successfully\.$/, () => ({ MESSAGE_ID: "7ad2d189f7e94e70a38c781354912448" })],
  [
    /^A process of this unit has been killed by the OOM killer\.$/,
    () => ({ MESSAGE_ID: "fe6faa94e7774663a0da52717891d8ef" }),
  ],
  [/^Skipped due to /, () => ({ MESSAGE_ID: "0e4284a0caca4bfc81c0bb6786972673" })],
  [
    /^Scheduled restart job, restart counter is at (\d+)\.$/,
    ([count]) => ({ MESSAGE_ID: "5eb03494b6584870a536b337290809b3", N_RESTARTS: count }),
  ],
];

/** None for a message that the catalog does not know. */
export function messageFields(unit: string, text: string): Fields {
  const prefix = `${unit}: `;
  const isEvent = text.startsWith(prefix);
  const wording = isEvent ? text.slice(prefix.length) : text;
  for (const [pattern, fields] of isEvent ? EVENTS : JOBS) {
    const match = pattern.exec(wording);
    if (match !== null) return fields(match.slice(1));
  }
  return {};
}
