/** Where nobody answers at the store because of certificates, or of a clock: what is wrong, and what to type. Pure. */
import type { StoreProblem } from "#model/store-status.ts";

export interface Distrust {
  /** This machine's clock. */
  readonly nowMs: number;
  /** How long the certificate that this machine shows is good. */
  readonly own?: { readonly fromMs: number; readonly toMs: number };
  /** What came back from each endpoint, in the words of who noticed it. */
  readonly silence: readonly string[];
}

/** The words of a store of ours (trust/identity.ts), which name the times. */
const REFUSED = /certificate of .* (is not yet valid|has expired): it /;
/** OpenSSL's words here, and the alerts of the other end, to which a certificate that begins later is a bad one. */
const UNTIMELY = /certificate (has )?expired|certificate is not yet valid|bad certificate/i;

const SET_CLOCK = "timedatectl set-ntp true";
const BOTH_CLOCKS = ["date  # on both machines", `${SET_CLOCK}  # where the clock is wrong`];

/** Undefined where certificates have nothing to do with it. */
export function problemOfDistrust({ nowMs, own, silence }: Distrust): StoreProblem | undefined {
  const now = new Date(nowMs).toISOString();
  const here = `here it is ${now}`;
  if (own !== undefined && nowMs > own.toMs)
    return failure(
      `this machine's certificate has expired: it ended ${new Date(own.toMs).toISOString()}, ${here}. Either this clock is wrong, or the machine was off for too long to renew it`,
      [
        `${SET_CLOCK}  # if the clock is wrong; the machine is back by itself`,
        "flotilla leave --force  # if it is right, and then:",
        "flotilla join ADDRESS --token TOKEN",
      ],
    );
  if (own !== undefined && nowMs < own.fromMs)
    return failure(
      `this machine's clock is wrong: its certificate begins ${new Date(own.fromMs).toISOString()}, ${here}`,
      [`${SET_CLOCK}  # the machine is back by itself`],
    );
  const refused = silence.find((text) => REFUSED.test(text));
  if (refused !== undefined)
    return failure(
      `one of two clocks is wrong, this one or that of the machine with the store, which says: ${refused}. On this one it is ${now}`,
      BOTH_CLOCKS,
    );
  if (silence.some((text) => UNTIMELY.test(text)))
    return failure(
      `a certificate is not believed on the way to the store, ${here}: this clock is wrong, or that of the machine with the store, or its certificate has expired`,
      BOTH_CLOCKS,
    );
  return undefined;
}

function failure(message: string, commands: readonly string[]): StoreProblem {
  return {
    grade: "failure",
    message: `${message}. No new connection to the store comes about; what runs runs on`,
    commands: [...commands],
  };
}
