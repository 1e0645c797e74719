/** Who may reach this daemon: whom its trust directory knows, or, where the settings say so, whoever comes. */
import type { Access } from "#api/access/identify.ts";
import type { PeerTls } from "#api/peer.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { LiveTrust } from "#trust/live-trust.ts";
import { trustDirectory } from "#trust/trust-directory.ts";
import type { DaemonConfig } from "./config.ts";

interface Means {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Undefined where the settings say that nobody is checked.
 * @throws FlotillaError `not-initialised`; `bad-config` where a machine of a cluster shall check nobody
 */
export function openTrust(
  { trust, directory, insecure }: DaemonConfig,
  { clock, log }: Means,
): LiveTrust | undefined {
  if (trust !== undefined) {
    if (insecure) throw openMember(trust.directory);
    return new LiveTrust({ trust, clock });
  }
  if (!insecure) throw notInitialised(directory);
  log.warn({}, "insecure: whoever reaches this machine's ports may do everything");
  return undefined;
}

/** What the API serves by and whom it believes. */
export function accessOf(trust: LiveTrust | undefined): Access {
  if (trust === undefined) return { kind: "unchecked" };
  return { kind: "checked", judge: (certificate) => trust.judge(certificate, "machines and people") };
}

/** How other machines' APIs are asked; undefined: without TLS. */
export function peerTlsOf(trust: LiveTrust | undefined): PeerTls | undefined {
  return trust === undefined ? undefined : { ...trust.clientTls(), clusterId: trust.clusterId };
}

function notInitialised(directory: string): FlotillaError {
  return new FlotillaError("not-initialised", "this machine belongs to no cluster yet", {
    causes: [`there is no ${trustDirectory(directory)}`],
    hint: "make a cluster with: flotilla init; or join one with: flotilla join ADDRESS --token TOKEN; to try it without certificates: --insecure",
  });
}

function openMember(path: string): FlotillaError {
  return new FlotillaError("bad-config", "a machine of a cluster cannot run with --insecure", {
    causes: [`${path} makes it a machine of a cluster, whose others would not believe it`],
    hint: "leave --insecure and FLOTILLA_INSECURE away, or choose another directory with --dir",
  });
}
