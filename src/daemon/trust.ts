/**
 * The daemon's place in its cluster while it runs: renews the machine's certificate, tells the servers of it, and finds
 * out when the machine is taken out of the cluster.
 *
 * A machine that was removed is refused by every other; its daemon ends and says so, and its units stay as they are.
 */
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { readAuthorities } from "#api/authorities.ts";
import type { Clock, Timer } from "#base/clock.ts";
import type { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import { parseKey, ranges } from "#model/keys.ts";
import { type RevokedRecord, revokedRecordSchema } from "#model/trust-records.ts";
import { prefixRange, toText } from "#store/keys.ts";
import { type Store, StoreError } from "#store/store.ts";
import { machineRemoved } from "#trust/identity.ts";
import type { LiveTrust } from "#trust/live-trust.ts";
import { LIFETIMES, type Lifetimes, machineProfile } from "#trust/profiles.ts";
import { RENEWAL_RETRY_MS, renewalDueMs } from "#trust/renewal.ts";
import { signCertificate } from "#trust/signing.ts";
import { isRefusedByOthers } from "./refusal.ts";
import { writeRevocations } from "./revocations.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface TrustKeeperOptions extends Means {
  readonly trust: LiveTrust;
  readonly store: Store;
  readonly cluster: ClusterMirror;
  readonly machine: string;
  /** How long a renewed certificate is good for; the default is that of every other. */
  readonly lifetimes?: Lifetimes;
  /** Told when other machines were removed: connections of theirs are to be cut. */
  readonly onRevoked: () => void;
  /** Told once when this machine was. */
  readonly onRemoved: (why: FlotillaError) => void;
}

/** How often is asked, unasked, whether the machine is one still: the store has told it long before, or refuses it. */
const CHECK_INTERVAL_MS = 60_000;
/** A machine that was removed is let in no more, and its connections are cut after it could be told why. */
const LAST_WORDS_MS = 1_000;

export class TrustKeeper {
  readonly #options: TrustKeeperOptions;
  readonly #loop: Loop;
  readonly #stopListening: () => void;
  #due: Timer | undefined;
  #cut: Timer | undefined;
  #removed = false;
  /** What the list for etcd has, as this daemon has written it. */
  #listed: string | undefined;

  constructor(options: TrustKeeperOptions) {
    this.#options = options;
    const { clock, random, log, cluster } = options;
    this.#loop = new Loop({
      clock,
      random,
      safetyIntervalMs: CHECK_INTERVAL_MS,
      backoff: { firstMs: 1_000, maxMs: RENEWAL_RETRY_MS },
      pass: () => this.#pass(),
      onError: (error, failures) =>
        log.debug({ failures, error: String(error) }, "the store does not tell of this machine's standing"),
    });
    this.#stopListening = cluster.onChange(({ kinds }) => {
      if (!kinds.has("revoked")) return;
      this.#cut?.cancel();
      this.#cut = clock.setTimer(LAST_WORDS_MS, options.onRevoked);
      this.#loop.wake();
    });
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    this.#due?.cancel();
    this.#cut?.cancel();
    this.#stopListening();
    await this.#loop.stop();
  }

  async #pass(): Promise<void> {
    if (this.#removed) return;
    const { clock, trust, machine, log } = this.#options;
    if (await trust.takeBack())
      log.warn(
        {},
        "the machine's certificate was made while its clock was ahead: the one before is used again",
      );
    const revoked = await this.#readRevoked();
    if (revoked === "refused" || revoked.has(machine)) {
      this.#removed = true;
      this.#options.onRemoved(machineRemoved(trust.current.cluster.name));
      return;
    }
    await this.#list(revoked);
    const dueMs = renewalDueMs(new X509Certificate(trust.current.certificate));
    if (clock.now() >= dueMs) await this.#renew();
    else if (dueMs - clock.now() < CHECK_INTERVAL_MS) this.#wakeAt(dueMs - clock.now());
  }

  #wakeAt(delayMs: number): void {
    this.#due?.cancel();
    this.#due = this.#loop.wakeAfter(delayMs);
  }

  /** From the store itself, since what the mirror shows may be of before. A machine that was removed is refused by it. */
  async #readRevoked(): Promise<ReadonlyMap<string, RevokedRecord> | "refused"> {
    const { store, trust, cluster, machine } = this.#options;
    try {
      const { kvs } = await store.range(prefixRange(ranges.revoked));
      return new Map(
        kvs.map(({ key, value }) => [
          parseKey(toText(key))?.first ?? "",
          revokedRecordSchema.parse(JSON.parse(toText(value))),
        ]),
      );
    } catch (error) {
      if (error instanceof StoreError && error.status === "permission-denied") return "refused";
      if (await isRefusedByOthers(machine, trust, cluster.view)) return "refused";
      throw error;
    }
  }

  /** Keeps the list for etcd as the store has it. */
  async #list(revoked: ReadonlyMap<string, RevokedRecord>): Promise<void> {
    const { store, trust, clock } = this.#options;
    const names = [...revoked.keys()].join(" ");
    if (names === this.#listed) return;
    const { machines } = await readAuthorities(store);
    await writeRevocations(trust.current, revoked, machines, clock.now());
    this.#listed = names;
  }

  async #renew(): Promise<void> {
    const { trust, store, clock, log, machine, lifetimes = LIFETIMES } = this.#options;
    const { machines } = await readAuthorities(store);
    const { clusterId, name, address } = trust.current.cluster;
    const reached = [address, hostname()];
    const profile = machineProfile({ clusterId, id: machine, name }, reached, clock.now(), lifetimes);
    await trust.renew(signCertificate(machines, trust.current.key, profile));
    log.info({ until: profile.validity.to.toISOString() }, "renewed this machine's certificate");
    this.#loop.wake();
  }
}
