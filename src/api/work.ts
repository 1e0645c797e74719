/** Work that goes on whether or not somebody reads how it goes: its steps as lines, its failure as the last one. */
import type { Answer } from "./answer.ts";
import { answerLines } from "./stream.ts";

/** Begins at once. A reader that goes away stops nothing. */
export function answerWork(work: (tell: (step: string) => void) => Promise<void>): Answer {
  const steps: string[] = [];
  let wake = Promise.withResolvers<void>();
  let over = false;
  const working = work((step) => {
    steps.push(step);
    wake.resolve();
  }).finally(() => {
    over = true;
    wake.resolve();
  });
  // Whoever reads learns of a failure below; until then it must not count as unhandled.
  working.catch(() => undefined);
  return answerLines(async function* () {
    while (!over || steps.length > 0) {
      const step = steps.shift();
      if (step !== undefined) yield { step };
      else {
        await wake.promise;
        wake = Promise.withResolvers();
      }
    }
    await working;
  });
}
