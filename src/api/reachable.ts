/** Whether this machine gets a sign of another one. */
import * as z from "zod";
import type { ApiDependencies } from "./dependencies.ts";

export const reachableSchema = z.object({
  reachable: z.boolean().describe("false when the other gave no sign of itself, not even a refusal"),
});

/** @param id of a machine; one that is not present is not reachable */
export async function isReachable(
  id: string,
  { mirror, knock }: ApiDependencies,
): Promise<z.infer<typeof reachableSchema>> {
  const machine = mirror.view.machines.get(id);
  return { reachable: machine !== undefined && (await knock(machine)) };
}
