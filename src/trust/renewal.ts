/** When a machine's certificate is renewed, and when it is good. Pure. */
import { X509Certificate } from "node:crypto";

/** A failed renewal is tried again so often: there is a third of the certificate's time left for it. */
export const RENEWAL_RETRY_MS = 60_000;

/** Wall-clock time from which on it is to be renewed: two thirds of its life. */
export function renewalDueMs({ validFromDate, validToDate }: X509Certificate): number {
  const fromMs = validFromDate.getTime();
  return fromMs + ((validToDate.getTime() - fromMs) * 2) / 3;
}

/** Whether its time begins later. @param certificate PEM */
export function isAhead(certificate: string, nowMs: number): boolean {
  return nowMs < new X509Certificate(certificate).validFromDate.getTime();
}

/** Whether this is its time. @param certificate PEM */
export function isGood(certificate: string, nowMs: number): boolean {
  return !isAhead(certificate, nowMs) && nowMs <= new X509Certificate(certificate).validToDate.getTime();
}
