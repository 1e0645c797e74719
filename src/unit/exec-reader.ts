/** What the readers of systemd.exec(5) need of a section. */
import type { ValueOf } from "./key.ts";
import type { EXEC_KEYS } from "./keys/exec.ts";

type ExecKey = Extract<keyof typeof EXEC_KEYS, string>;

/** A section that has the keys; a SectionReader of any such section is one. */
export interface ExecReader {
  last<K extends ExecKey>(key: K): ValueOf<(typeof EXEC_KEYS)[K]> | undefined;
  all<K extends ExecKey>(key: K): readonly ValueOf<(typeof EXEC_KEYS)[K]>[];
}
