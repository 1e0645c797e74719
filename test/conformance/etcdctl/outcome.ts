/** What a command of etcdctl came to, without what differs from one store to the next and one run to the next. */

export interface Outcome {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

export function normalize(outcome: Outcome, leases: ReadonlyMap<string, string>, endpoint: string): Outcome {
  const apply = (text: string): string => withoutIdentity(withNames(text, leases), endpoint);
  return { ...outcome, output: apply(outcome.output), errors: apply(outcome.errors) };
}

/** Leases by the names the script has given them, in both forms in which etcdctl writes them. */
function withNames(text: string, leases: ReadonlyMap<string, string>): string {
  let named = text;
  for (const [name, id] of leases) {
    named = named.replaceAll(id, `$${name}`).replaceAll(BigInt(`0x${id}`).toString(), `$${name}`);
  }
  return named;
}

function withoutIdentity(text: string, endpoint: string): string {
  const lines = text.split("\n").flatMap((line) => logLine(line));
  return (
    lines
      .join("\n")
      .replaceAll(endpoint, "ENDPOINT")
      // A hash of nothing may be 0, which is left out.
      .replace(/"hash":\d+,/g, "")
      .replace(/"(dbSize|dbSizeInUse|raftIndex|raftAppliedIndex|raft_term|raftTerm)":\d+/g, '"$1":0')
      .replace(
        /"(RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Hash|RaftTerm|MemberDBSize)" : \d+/g,
        '"$1" : 0',
      )
      .replace(/"(ttl|TTL)" ?: ?\d+/g, '"$1":0')
      .replace(/remaining\(\d+s\)/g, "remaining")
      .replace(/took = [\w.µ]+|"took":"[^"]*"/g, "took")
      // Some numbers of sixteen hexadecimal digits have decimal ones only.
      .replace(/\b(\d{14,20}|[0-9a-f]{14,16})\b/g, "ID")
  );
}

/** Of etcdctl's own log only the errors count: they have the status codes that it does not print. */
function logLine(line: string): string[] {
  if (!line.startsWith('{"level":')) return [line];
  const [, error] = /"error":"((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
  return error === undefined || line.includes("retrying of unary invoker failed") === false ? [] : [error];
}
