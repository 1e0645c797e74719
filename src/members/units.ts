/** Members as units of the cluster. */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";

/** How units are asked of the cluster; the API has it. */
export interface Units {
  /** Asks for it to run, with this text, whatever it was before. */
  submit(unit: string, text: string): Promise<void>;
  destroy(unit: string): Promise<void>;
}

const LOAD_TIMEOUT_MS = 30_000;

/** Resolves when the unit has come to this machine. @throws FlotillaError `timeout` */
export async function untilLoaded(unit: string, supervisor: Supervisor, clock: Clock): Promise<void> {
  const loaded = Promise.withResolvers<void>();
  const check = (): void => {
    if (supervisor.status(unit) !== undefined) loaded.resolve();
  };
  const stop = supervisor.onStatus(check);
  const timer = clock.setTimer(LOAD_TIMEOUT_MS, () =>
    loaded.reject(
      new FlotillaError(
        "timeout",
        `${unit} did not come to this machine within ${LOAD_TIMEOUT_MS / 1000} s`,
        {
          hint: `flotilla why ${unit} tells what it waits for`,
        },
      ),
    ),
  );
  try {
    check();
    await loaded.promise;
  } finally {
    stop();
    timer.cancel();
  }
}
