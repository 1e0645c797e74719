/**
 * Jobs that are waited for. systemd tells of a job's end in a signal, which may come before the answer that names the
 * job; and it tells nobody while the link is down, so that jobs are looked for when it is up again.
 */
import type { JobRequest } from "../supervisor.ts";
import { BusError } from "./bus/bus-connection.ts";
import type { SystemdLink } from "./bus/link.ts";
import { number, text } from "./bus/values.ts";

/** What a wait that is given up comes to. */
const CANCELED = "canceled";

/** How a job ended: systemd's result, or undefined when nobody heard of it. */
export type JobEnd = string | undefined;

/** What this asks of the link. */
type Manager = Pick<SystemdLink, "manager">;

export class Jobs {
  readonly #link: Manager;
  readonly #waiting = new Map<number, PromiseWithResolvers<JobEnd>>();
  /** Results that came while answers which might name their jobs were under way. */
  readonly #early = new Map<number, string>();
  #asking = 0;
  #isClosed = false;

  constructor(link: Manager) {
    this.#link = link;
  }

  /** Resolves at the job's end. @throws BusError when no job is made */
  async run({ type, unit, mode = "replace" }: JobRequest): Promise<JobEnd> {
    this.#asking++;
    try {
      // Doing it twice does no harm but where it ends a run.
      const isRepeatable = type === "start" || type === "stop" || type === "verify-active";
      const body = [unit, type, mode];
      const [id] = await this.#link.manager("EnqueueUnitJob", "sss", body, isRepeatable);
      return await this.#ended(number(id));
    } finally {
      this.#asking--;
      if (this.#asking === 0) this.#early.clear();
    }
  }

  #ended(id: number): Promise<JobEnd> | JobEnd {
    const early = this.#early.get(id);
    if (early !== undefined) return early;
    if (this.#isClosed) return CANCELED;
    const waiter = this.#waiting.get(id) ?? Promise.withResolvers<JobEnd>();
    this.#waiting.set(id, waiter);
    return waiter.promise;
  }

  /** JobRemoved, of any job of the machine. */
  removed(body: readonly unknown[]): void {
    const id = number(body[0]);
    const result = text(body[3]);
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiter?.resolve(result);
    // Also of one that was waited for: systemd gives two who ask for the same job the same one.
    if (this.#asking > 0) this.#early.set(id, result);
  }

  /** Nobody waits for jobs any more, which go on; nor for those whose answers are still to be taken in. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiting.values()) waiter.resolve(CANCELED);
    this.#waiting.clear();
  }

  /** Ends the wait for jobs that are gone; those that are there still will be told of. */
  async recheck(): Promise<void> {
    await Promise.all([...this.#waiting].map(([id, waiter]) => this.#recheck(id, waiter)));
  }

  async #recheck(id: number, waiter: PromiseWithResolvers<JobEnd>): Promise<void> {
    try {
      await this.#link.manager("GetJob", "u", [id]);
    } catch (error) {
      if (!(error instanceof BusError) || this.#waiting.get(id) !== waiter) return;
      this.#waiting.delete(id);
      waiter.resolve(undefined);
    }
  }
}
