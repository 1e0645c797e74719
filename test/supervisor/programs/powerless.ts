/** Runs a service on a supervisor that may not make namespaces, and prints what became of it. */
import { entries, machineWith, service } from "../machine.ts";

await using held = await machineWith([
  service("protected.service", "Type=oneshot", "PrivateTmp=yes", "PrivateNetwork=yes", "ExecStart=/bin/true"),
  service("rooted.service", "Type=oneshot", "BindPaths=/etc:/mnt", "ExecStart=/bin/true"),
]);
const { supervisor } = held;
const started = await supervisor.start("protected.service");
const refused = await supervisor.start("rooted.service");
const log = await entries(supervisor, "protected.service");
process.stdout.write(
  JSON.stringify({
    results: [started.result, refused.result],
    exitCode: supervisor.status("rooted.service")?.exitCode,
    warnings: log.filter(({ priority }) => priority === 4).map(({ message }) => message),
    notes: supervisor.enforcement.notes,
  }),
);
