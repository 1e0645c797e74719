/** The routes of the store itself: what it is, and the ways from one to another. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import type { StoreAdmin } from "#members/store-admin.ts";
import type { Units } from "#members/units.ts";
import { storeAccessSchema } from "#model/records.ts";
import { type MemberPlace, memberPlaceSchema, storeStatusSchema } from "#model/store-status.ts";
import type { Caller } from "./access/caller.ts";
import { type Answer, answerJson } from "./answer.ts";
import { machineParams, type UnitResult } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { forward, forwardHeaders } from "./forward.ts";
import { findMachine } from "./machine-rows.ts";
import { jsonRoute, type Route, type RouteRequest, rawRoute } from "./route.ts";
import { eventOp } from "./unit-commit.ts";
import { decideDestroy } from "./unit-decisions.ts";
import { changeUnits, submitUnits } from "./unit-requests.ts";
import { answerWork } from "./work.ts";

/** A machine that is asked runs `etcd --version`. */
const PLACE_TIMEOUT_MS = 15_000;

const stepSchema = z.object({ step: z.string().describe("what is being done, in a sentence") });

export const STORE_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/store",
    summary: "What the store is, who its members are, and what is wrong with it.",
    needs: "viewer",
    response: storeStatusSchema,
    handle: async (_, { storeAdmin }) => (await storeAdmin()).status(),
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/promote",
    summary: "Makes a member of etcd of the embedded store, on its machine; a line for each step.",
    needs: "admin",
    body: z.object({}),
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: (request, dependencies) =>
      onHolder("/v1/store/promote", request, dependencies, {
        told: "the store is an etcd now, with one member",
        work: (admin, tell) => admin.promote(unitsOf(dependencies), tell),
      }),
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/use",
    summary:
      "Copies the cluster's state to an etcd of one's own and makes it the store; a line for each step.",
    needs: "admin",
    body: storeAccessSchema,
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: (request, dependencies) =>
      onHolder("/v1/store/use", request, dependencies, {
        told: `the store is the etcd at ${request.body.endpoints.join(",")} now`,
        work: (admin, tell) => admin.use(request.body, tell),
      }),
  }),
  rawRoute({
    method: "get",
    path: "/v1/store/backup",
    summary: "All of the store as a snapshot file of etcd's, which ends with a checksum.",
    needs: "admin",
    produces: "application/octet-stream",
    response: z.string().meta({ format: "binary" }),
    handle: async (_, { storeAdmin }) => {
      const admin = await storeAdmin();
      const gone = new AbortController();
      const parts = await begun(admin.backup(gone.signal));
      const body = { parts, abandon: async (): Promise<void> => gone.abort() };
      return { status: 200, type: "application/octet-stream", body };
    },
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/defrag",
    summary: "Frees space on each member in turn and clears the alarms over it; a line for each step.",
    needs: "admin",
    body: z.object({}),
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: async (_, { storeAdmin }) => {
      const admin = await storeAdmin();
      return answerWork((tell) => admin.defrag(tell));
    },
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/add",
    summary: "Gives the store's etcd a member on another machine; a line for each step.",
    needs: "admin",
    body: z.object({ machine: z.string() }),
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: async ({ body, caller }, dependencies) => {
      const admin = await dependencies.storeAdmin();
      const place = await placeOf(body.machine, caller, dependencies);
      return change(dependencies, {
        told: `${place.name} is a member of the store`,
        work: (tell) => admin.add(place, unitsOf(dependencies), tell),
      });
    },
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/remove",
    summary: "Takes a member away from the store's etcd; a line for each step.",
    needs: "admin",
    body: z.object({ machine: z.string() }),
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: async ({ body }, dependencies) => {
      const admin = await dependencies.storeAdmin();
      return change(dependencies, {
        told: `${body.machine} is no member of the store any more`,
        work: (tell) => admin.remove(body.machine, unitsOf(dependencies), tell),
      });
    },
  }),
  rawRoute({
    method: "post",
    path: "/v1/store/replace",
    summary: "Has another machine take the place of a member; a line for each step.",
    needs: "admin",
    body: z.object({ machine: z.string(), by: z.string() }),
    produces: "application/x-ndjson",
    response: stepSchema,
    handle: async ({ body, caller }, dependencies) => {
      const admin = await dependencies.storeAdmin();
      const place = await placeOf(body.by, caller, dependencies);
      return change(dependencies, {
        told: `${place.name} is a member of the store in the place of ${body.machine}`,
        work: (tell) => admin.replace(body.machine, place, unitsOf(dependencies), tell),
      });
    },
  }),
  rawRoute({
    method: "get",
    path: "/v1/machines/{machine}/store-place",
    summary: "What a machine has for being a member of the store.",
    needs: "viewer",
    params: machineParams,
    produces: "application/json",
    response: memberPlaceSchema,
    handle: async ({ params, ...request }, dependencies) => {
      const { mirror, machineId, storeAdmin } = dependencies;
      const id = request.isForwarded ? machineId : findMachine(mirror.view, params.machine);
      if (id === machineId) return answerJson(await (await storeAdmin()).place());
      const path = `/v1/machines/${id}/store-place`;
      return forward(id, { path, what: "its etcd" }, request, dependencies);
    },
  }),
];

/** A stream whose first piece has come, so that a failure before it is an answer of its own. */
async function begun<T>(source: AsyncGenerator<T, void>): Promise<AsyncIterable<T>> {
  const first = await source.next();
  return (async function* () {
    if (first.done !== true) yield first.value;
    yield* source;
  })();
}

/** Has it done by the machine that has the embedded store. @throws FlotillaError `conflict` where there is none */
async function onHolder(
  path: string,
  { body, ...request }: RouteRequest<unknown, unknown, object>,
  dependencies: ApiDependencies,
  { told, work }: { readonly told: string; readonly work: (admin: StoreAdmin, tell: Tell) => Promise<void> },
): Promise<Answer> {
  const admin = await dependencies.storeAdmin();
  const holder = request.isForwarded ? dependencies.machineId : admin.embeddedHolder();
  if (holder === undefined) throw alreadyEtcd();
  if (holder === dependencies.machineId)
    return change(dependencies, { told, work: (tell) => work(admin, tell) });
  // While the store is silent, so is its machine, and might be asked for long.
  if (!dependencies.mirror.connected) throw holderAway();
  return forward(holder, { path, what: "the store", body }, request, dependencies);
}

type Tell = (step: string) => void;

/** Does it, and has the cluster's events tell of it once it is done. */
function change(
  dependencies: ApiDependencies,
  { told, work }: { readonly told: string; readonly work: (tell: Tell) => Promise<void> },
): Answer {
  return answerWork(async (tell) => {
    await work(tell);
    const success = [eventOp({ kind: "store-changed", message: told }, dependencies)];
    // It is done, whether or not a store that has just changed takes the event at once.
    await dependencies.store
      .txn({ compare: [], success, failure: [] })
      .catch((error: unknown) => dependencies.log.warn({ error: String(error) }, "an event is not told"));
  });
}

/** What a machine has for being a member, asked of that machine. @throws FlotillaError `machine-gone` */
async function placeOf(asked: string, caller: Caller, dependencies: ApiDependencies): Promise<MemberPlace> {
  const { mirror, machineId, storeAdmin, askPeer } = dependencies;
  const id = findMachine(mirror.view, asked);
  if (id === machineId) return (await storeAdmin()).place();
  const machine = mirror.view.machines.get(id);
  const gone = new FlotillaError("machine-gone", `machine ${machine?.name ?? asked} does not answer`);
  if (machine === undefined) throw gone;
  const url = new URL(`/v1/machines/${id}/store-place`, machine.api).href;
  try {
    const { body } = await askPeer(url, {
      machine: id,
      headers: forwardHeaders(caller),
      signal: AbortSignal.timeout(PLACE_TIMEOUT_MS),
    });
    return memberPlaceSchema.parse(JSON.parse(await text(Readable.from(body))));
  } catch {
    throw gone;
  }
}

function holderAway(): FlotillaError {
  return new FlotillaError("store-unavailable", "the machine with the store does not answer", {
    hint: "running units run on; try again when it is back",
    retryable: true,
  });
}

function alreadyEtcd(): FlotillaError {
  return new FlotillaError("conflict", "the store is an etcd already", {
    hint: "flotilla store add MACHINE gives it another member; flotilla store status shows those it has",
  });
}

/** Units as any user would ask for them. */
function unitsOf(dependencies: ApiDependencies): Units {
  const check = ([result]: readonly UnitResult[]): void => {
    if (result?.error == null) return;
    const { code, message, ...details } = result.error;
    throw new FlotillaError(code, message, details);
  };
  return {
    submit: async (unit, text) =>
      check(await submitUnits([{ unit, text }], { desired: "launched", replace: true }, dependencies)),
    destroy: async (unit) => check(await changeUnits([unit], decideDestroy, dependencies)),
  };
}
