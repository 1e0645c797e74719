/** One answer of a systemd tool for each of many arguments, where the tool gives up at the first that it refuses. */
import { spawnSync } from "node:child_process";

/** So many arguments a process; the arguments of one command may not grow without end. */
const BATCH = 500;

/**
 * @param argv the tool and its options @param split what was printed as answers, one for each argument that was taken
 * @returns in order; undefined for what is refused
 */
export function answersOf(
  argv: readonly string[],
  inputs: readonly string[],
  split: (stdout: string) => readonly string[],
): readonly (string | undefined)[] {
  const answers: (string | undefined)[] = [];
  const [command = "", ...options] = argv;
  while (answers.length < inputs.length) {
    const rest = inputs.slice(answers.length, answers.length + BATCH);
    const { stdout, status, error } = spawnSync(command, [...options, "--", ...rest], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    if (error !== undefined) throw error;
    answers.push(...split(stdout));
    if (status !== 0) answers.push(undefined);
  }
  return answers;
}
