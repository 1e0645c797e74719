/** What systemd is told of the fence: its service, and the drop-in that makes a unit depend on its hold. Pure. */
import { join } from "node:path";

export const FENCE = "flotilla-fence.service";
const RUNTIME_UNITS = "/run/systemd/system";
const PERL = "/usr/bin/perl";

export const fenceUnitPath = join(RUNTIME_UNITS, FENCE);

/** Where the fence's program is, within the directory of the holds. */
export const PROGRAM = "fence.pl";

/** @param holds directory of the holds as systemd sees it */
export function fenceUnit(holds: string): string {
  return `# Written by Flotilla.
[Unit]
Description=Kills Flotilla's strict units when they must not run any more
# They would go on unguarded.
RefuseManualStop=yes
IgnoreOnIsolate=yes
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${PERL} ${join(holds, PROGRAM)} ${holds}
Restart=always
RestartSec=50ms
OOMScoreAdjust=-1000
`;
}

export function dropInPath(unit: string): string {
  return join(RUNTIME_UNITS, `${unit}.d`, "90-flotilla-fence.conf");
}

/**
 * Wants=, not Requires= or BindsTo=: a fence that is killed is back in a moment, and takes nothing with it. Without its
 * file, which the fence takes away, no command of the unit is run, those that would clean up behind it included.
 */
export function dropIn(unit: string, holds: string): string {
  const file = join(holds, "held", "%n");
  const environment = unit.endsWith(".service") ? `\n[Service]\nEnvironmentFile=${file}\n` : "";
  return `# Written by Flotilla.
[Unit]
Wants=${FENCE}
After=${FENCE}
AssertPathExists=${file}
${environment}`;
}
