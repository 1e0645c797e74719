import { expect, test } from "vitest";
import { messageFields } from "./messages.ts";

const STARTED = "39f53479d3a045ac8e11786248231fbf";
const STOPPED = "9d1aaa27d60140bd96365438aad20286";
const FAILED = "be02cf6855d2428ba40df7e9d022f03d";
const EXITED = "98e322203f7a4ed290d09fe03c09fe15";

test.each<[string, Record<string, string | undefined>]>([
  ["Starting A web server...", { MESSAGE_ID: "7d4958e842da4a758f6c1cdc7b36dcc5", JOB_TYPE: "start" }],
  ["Started A web server.", { MESSAGE_ID: STARTED, JOB_TYPE: "start", JOB_RESULT: "done" }],
  ["Finished job.service.", { MESSAGE_ID: STARTED, JOB_TYPE: "start", JOB_RESULT: "done" }],
  ["Failed to start web.service.", { MESSAGE_ID: FAILED, JOB_TYPE: "start", JOB_RESULT: "failed" }],
  ["Dependency failed for web.service.", { MESSAGE_ID: FAILED, JOB_RESULT: "dependency" }],
  ["Timed out starting web.service.", { MESSAGE_ID: FAILED, JOB_RESULT: "timeout" }],
  ["Stopping web.service...", { MESSAGE_ID: "de5b426a63be47a7b6ac3eaac82e2f6f", JOB_TYPE: "stop" }],
  ["Stopped web.service.", { MESSAGE_ID: STOPPED, JOB_TYPE: "stop", JOB_RESULT: "done" }],
  ["Reloading web.service...", { MESSAGE_ID: "d34d037fff1847e6ae669a370e694725", JOB_TYPE: "reload" }],
  ["Reloaded web.service.", { MESSAGE_ID: "7b05ebc668384222baa8881179cfda54", JOB_RESULT: "done" }],
  [
    "web.service: Main process exited, code=exited, status=1/FAILURE",
    { MESSAGE_ID: EXITED, COMMAND: "Main", EXIT_CODE: "exited", EXIT_STATUS: "1" },
  ],
  [
    "web.service: Control process exited, code=killed, status=9/KILL",
    { MESSAGE_ID: EXITED, COMMAND: "Control", EXIT_CODE: "killed", EXIT_STATUS: "9" },
  ],
  [
    "web.service: A process of this unit has been killed by the OOM killer.",
    { MESSAGE_ID: "fe6faa94e7774663a0da52717891d8ef" },
  ],
  [
    "web.service: Failed with result 'exit-code'.",
    { MESSAGE_ID: "d9b373ed55a64feb8242e02dbe79a49c", UNIT_RESULT: "exit-code" },
  ],
  ["web.service: Deactivated successfully.", { MESSAGE_ID: "7ad2d189f7e94e70a38c781354912448" }],
  ["web.service: Skipped due to 'exec-condition'.", { MESSAGE_ID: "0e4284a0caca4bfc81c0bb6786972673" }],
  [
    "web.service: Scheduled restart job, restart counter is at 3.",
    { MESSAGE_ID: "5eb03494b6584870a536b337290809b3", N_RESTARTS: "3" },
  ],
])("%j has the fields that systemd gives it", (text, fields) => {
  expect(messageFields("web.service", text)).toMatchObject(fields);
});

test.each([
  "web.service: Started by hand.",
  "Something else.",
  "",
  "other.service: Deactivated successfully.",
])("%j is nothing that the catalog knows", (text) => {
  expect(messageFields("web.service", text)).toEqual({});
});
