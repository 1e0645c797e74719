/** Answers as bytes: a long one is written a piece a turn of the event loop, so that everything else goes on meanwhile. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Codec, encode, encodeInSteps } from "../wire/message.ts";

type Pieces = readonly Buffer[];

/** One after the other, the pieces are the message. A short one is there at once, and keeps its place among others. */
export function answerPieces<Answer>(
  codec: Codec<unknown, Answer>,
  answer: Answer,
): Pieces | Promise<Pieces> {
  const steps = encodeInSteps(codec, answer);
  return steps === undefined ? [encode(codec, answer)] : inTurns(steps);
}

async function inTurns(steps: Generator<void, Pieces, void>): Promise<Pieces> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}
