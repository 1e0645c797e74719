import { describe, expect, test } from "vitest";
import { BusError } from "./bus/bus-connection.ts";
import { Jobs } from "./jobs.ts";

const START = { type: "start", unit: "a.service" } as const;

/** Jobs of a systemd that answers when it is told to, each time with the next. */
function jobsOf(): { readonly jobs: Jobs; readonly answers: PromiseWithResolvers<readonly unknown[]>[] } {
  const answers: PromiseWithResolvers<readonly unknown[]>[] = [];
  const manager = (): Promise<readonly unknown[]> => {
    const answer = Promise.withResolvers<readonly unknown[]>();
    answers.push(answer);
    return answer.promise;
  };
  return { jobs: new Jobs({ manager }), answers };
}

describe("a job that is waited for", () => {
  test("ends when systemd tells of it, in its words", async () => {
    const { jobs, answers } = jobsOf();
    const end = jobs.run(START);
    answers[0]?.resolve([7]);
    await Promise.resolve();
    jobs.removed([8, "/job/8", "b.service", "done"]);
    jobs.removed([7, "/job/7", "a.service", "failed"]);
    expect(await end).toBe("failed");
  });

  test("may end before systemd has said which it is", async () => {
    const { jobs, answers } = jobsOf();
    const end = jobs.run(START);
    jobs.removed([7, "/job/7", "a.service", "done"]);
    answers[0]?.resolve([7]);
    expect(await end).toBe("done");
  });

  test("may be that of another who asked for the same", async () => {
    const { jobs, answers } = jobsOf();
    const ends = [jobs.run(START), jobs.run(START)];
    answers[0]?.resolve([7]);
    jobs.removed([7, "/job/7", "a.service", "done"]);
    answers[1]?.resolve([7]);
    expect(await Promise.all(ends)).toEqual(["done", "done"]);
  });

  test("is waited for by nobody once all is closed, also where the answer has come and was not taken in", async () => {
    const { jobs, answers } = jobsOf();
    const ends = [jobs.run(START), jobs.run(START)];
    answers[0]?.resolve([7]);
    await new Promise((resolve) => setImmediate(resolve));
    answers[1]?.resolve([8]);
    jobs.close();
    expect(await Promise.all(ends)).toEqual(["canceled", "canceled"]);
  });

  test("that is gone when somebody looks for it has an end that nobody heard of", async () => {
    const { jobs, answers } = jobsOf();
    const end = jobs.run(START);
    answers[0]?.resolve([7]);
    await new Promise((resolve) => setImmediate(resolve));
    const looked = jobs.recheck();
    answers[1]?.reject(new BusError("org.freedesktop.systemd1.NoSuchJob", "Job 7 does not exist."));
    await looked;
    expect(await end).toBeUndefined();
  });
});
