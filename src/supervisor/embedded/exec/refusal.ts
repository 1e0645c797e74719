/** Thrown within this folder: what cannot be provided for a command, and the step at which systemd would fail. */
import type { SetupStep } from "../shim/run-request.ts";

export class Refusal extends Error {
  readonly step: SetupStep;

  constructor(step: SetupStep, message: string) {
    super(message);
    this.step = step;
  }

  /** Runs `provide`; what it throws refuses the command at `step`. */
  static at<T>(step: SetupStep, provide: () => T): T {
    try {
      return provide();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal(step, error instanceof Error ? error.message : String(error));
    }
  }
}
