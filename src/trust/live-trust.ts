/**
 * A running daemon's trust: the certificate it shows, which is renewed while it runs, and the judgement of others'.
 *
 * Servers take `serverTls` when they begin to listen and again whenever `onRenewed` tells of a new certificate; clients
 * take `clientTls` for each connection.
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { type Identity, judgeCertificate } from "./identity.ts";
import { type Trust, writeCertificate } from "./trust-directory.ts";

/** PEM, in the names of node:tls. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Who is believed; several authorities one after the other. */
  readonly ca: string[];
}

/** Who may be behind a certificate: on the store's port machines only. */
export type Admitted = "machines" | "machines and people";

export interface LiveTrustOptions {
  readonly trust: Trust;
  readonly clock: Pick<Clock, "now">;
  /** Whether the machine of this ID was removed, as far as is known here. */
  readonly isRevoked: (machine: string) => boolean;
}

export class LiveTrust {
  readonly #options: LiveTrustOptions;
  readonly #machines: X509Certificate;
  readonly #people: X509Certificate;
  readonly #listeners = new Set<() => void>();
  #trust: Trust;

  constructor(options: LiveTrustOptions) {
    this.#options = options;
    this.#trust = options.trust;
    this.#machines = new X509Certificate(options.trust.machinesCa);
    this.#people = new X509Certificate(options.trust.peopleCa);
  }

  get current(): Trust {
    return this.#trust;
  }

  get clusterId(): string {
    return this.#trust.cluster.clusterId;
  }

  /** For a server that asks its clients for certificates; whoever connects is then judged by {@link judge}. */
  serverTls(admitted: Admitted): TlsMaterial {
    const { certificate, key, machinesCa, peopleCa } = this.#trust;
    return { cert: certificate, key, ca: admitted === "machines" ? [machinesCa] : [machinesCa, peopleCa] };
  }

  /** For a connection to another machine. */
  clientTls(): TlsMaterial {
    return this.serverTls("machines");
  }

  /** @throws FlotillaError `not-authenticated` */
  judge(certificate: X509Certificate, admitted: Admitted): Identity {
    const { clock, isRevoked } = this.#options;
    return judgeCertificate(certificate, {
      clusterId: this.clusterId,
      machines: this.#machines,
      ...(admitted === "machines" ? {} : { people: this.#people }),
      nowMs: clock.now(),
      isRevoked,
    });
  }

  /** Told after each renewal. Returns how to stop. */
  onRenewed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows another certificate from now on. @param certificate PEM, for the same key */
  async renew(certificate: string): Promise<void> {
    await writeCertificate(this.#trust, certificate);
    this.#trust = { ...this.#trust, certificate };
    for (const listener of this.#listeners) listener();
  }
}
