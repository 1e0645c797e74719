/**
 * A unit whose namespaces and whose /tmp another unit's commands get: JoinsNamespaceOf= of systemd.unit(5). As in systemd
 * 252 they belong to the unit that made them, under whose name they are found for as long as any unit is in them.
 */
import type { SandboxSettings } from "#unit/sandbox-settings.ts";

export interface JoinedUnit {
  readonly unit: string;
  readonly invocation: string;
  /** Who made the namespaces that it is in. */
  readonly owner: string;
  /** Its shim, which holds them: directory and ID. */
  readonly shim: string;
  readonly has: Pick<SandboxSettings, "privateTmp" | "privateNetwork" | "privateIpc">;
}
