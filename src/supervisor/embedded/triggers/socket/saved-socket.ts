/** A socket unit's state as it is kept for the next supervisor, checked when it is read back. */
import * as z from "zod";
import { UNIT_RESULTS } from "../../../supervisor.ts";
import { SOCKET_ACTIVE, type SocketState, type SocketSub } from "./socket-state.ts";

const LISTS = ["execStartPre", "execStartPost", "execStopPre", "execStopPost"] as const;

const peerAddress = z.union([
  z.object({ family: z.literal("unix") }),
  z.object({ family: z.enum(["inet", "inet6"]), host: z.string(), port: z.number() }),
]);

const savedSocket = z.object({
  sub: z.string().refine((sub): sub is SocketSub => Object.hasOwn(SOCKET_ACTIVE, sub)),
  result: z.enum(UNIT_RESULTS),
  sinceMs: z.number(),
  invocation: z.string().exactOptional(),
  nextRun: z.number(),
  control: z.object({ run: z.number(), list: z.enum(LISTS), index: z.number() }).exactOptional(),
  empty: z.boolean(),
  deadlineMs: z.number().exactOptional(),
  names: z.array(z.string()),
  starts: z.array(z.number()),
  triggers: z.object({ beganMs: z.number(), count: z.number() }).exactOptional(),
  accepted: z.number(),
  refused: z.number(),
  connections: z.array(z.object({ connection: z.number(), unit: z.string(), remote: peerAddress })),
  message: z.string().exactOptional(),
});

/** The state in what was kept; undefined when it is of no use, as after an update that changed its form. */
export function readSavedSocket(value: unknown): SocketState | undefined {
  const parsed = savedSocket.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
