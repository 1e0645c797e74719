/**
 * A running daemon's trust: the certificate it shows, which is renewed while it runs, and the judgement of others'.
 *
 * Servers take `serverTls` when they begin to listen and again whenever `onRenewed` tells of a new certificate; clients
 * take `clientTls` for each connection.
 */
import { X509Certificate } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { type Identity, judgeCertificate } from "./identity.ts";
import { isAhead, isGood } from "./renewal.ts";
import { type Trust, writeCertificate } from "./trust-directory.ts";

/** PEM, in the names of node:tls. */
export interface TlsMaterial {
  /** The machine's own and behind it its authority's, by which whoever joins knows the cluster. */
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
}

export class LiveTrust {
  readonly #options: LiveTrustOptions;
  readonly #machines: X509Certificate;
  readonly #people: X509Certificate;
  readonly #listeners = new Set<() => void>();
  #trust: Trust;
  #isRevoked: (machine: string) => boolean = () => false;

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
    const ca = admitted === "machines" ? [machinesCa] : [machinesCa, peopleCa];
    return { cert: `${certificate.trimEnd()}\n${machinesCa}`, key, ca };
  }

  /** For a connection to another machine. */
  clientTls(): TlsMaterial {
    return this.serverTls("machines");
  }

  /** @throws FlotillaError `not-authenticated`, `not-permitted` */
  judge(certificate: X509Certificate, admitted: Admitted): Identity {
    return judgeCertificate(certificate, {
      clusterId: this.clusterId,
      machines: this.#machines,
      ...(admitted === "machines" ? {} : { people: this.#people }),
      nowMs: this.#options.clock.now(),
      isRevoked: this.#isRevoked,
    });
  }

  /** From now on `isRevoked` says, of a machine's ID, whether it was removed. */
  heed(isRevoked: (machine: string) => boolean): void {
    this.#isRevoked = isRevoked;
  }

  /** Told after each renewal. Returns how to stop. */
  onRenewed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Shows the certificate before this one again, where this one was made while the clock was ahead: it begins later than
   * now, and nobody believes it until then. False where that is not so, or the one before is not good either.
   */
  async takeBack(): Promise<boolean> {
    const { certificate, certificateBefore } = this.#trust;
    const nowMs = this.#options.clock.now();
    if (certificateBefore === undefined || !isAhead(certificate, nowMs) || !isGood(certificateBefore, nowMs))
      return false;
    await this.renew(certificateBefore);
    return true;
  }

  /** Shows another certificate from now on. @param certificate PEM, for the same key */
  async renew(certificate: string): Promise<void> {
    const certificateBefore = this.#trust.certificate;
    await writeCertificate(this.#trust, certificate);
    this.#trust = { ...this.#trust, certificate, certificateBefore };
    for (const listener of this.#listeners) listener();
  }
}
