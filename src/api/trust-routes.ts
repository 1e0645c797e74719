/** The routes of who belongs to the cluster: joining, tokens, removing machines. */
import * as z from "zod";
import { describeCaller } from "./access/caller.ts";
import { machineParams } from "./bodies.ts";
import { admitMachine } from "./join.ts";
import { leaveCluster, removeMachine } from "./machine-removal.ts";
import { createPerson, revokePerson } from "./people.ts";
import { jsonRoute, type Route } from "./route.ts";
import { createToken, listTokens, revokeToken } from "./tokens.ts";
import {
  joinedSchema,
  joinRequestSchema,
  leaveSchema,
  personCreatedSchema,
  personCreateSchema,
  personParams,
  removalSchema,
  removedSchema,
  tokenCreatedSchema,
  tokenCreateSchema,
  tokenListSchema,
  tokenParams,
} from "./trust-bodies.ts";

export const TRUST_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "post",
    path: "/v1/join",
    summary: "Lets a machine into the cluster that has a token for it, and signs its certificate.",
    needs: "nothing",
    body: joinRequestSchema,
    response: joinedSchema,
    handle: ({ body }, dependencies) => admitMachine(body, dependencies),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/tokens",
    summary: "Tokens, newest first, without their secrets.",
    needs: "admin",
    response: tokenListSchema,
    handle: async (_, dependencies) => ({ tokens: [...(await listTokens(dependencies))] }),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/tokens",
    summary: "Makes a token; its text is in this answer and nowhere else.",
    needs: "admin",
    body: tokenCreateSchema,
    response: tokenCreatedSchema,
    handle: ({ body, caller }, dependencies) => createToken(body, describeCaller(caller), dependencies),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/tokens/{token}/revoke",
    summary: "Takes a token back: nobody is let in by it from then on.",
    needs: "admin",
    params: tokenParams,
    response: z.object({ id: z.string() }),
    handle: async ({ params }, dependencies) => {
      await revokeToken(params.token, dependencies);
      return { id: params.token };
    },
  }),
  jsonRoute({
    method: "post",
    path: "/v1/machines/{machine}/remove",
    summary: "Takes a machine out of the cluster that is gone; its certificate is refused from then on.",
    needs: "admin",
    params: machineParams,
    body: removalSchema,
    response: removedSchema,
    handle: ({ params, body }, dependencies) => removeMachine(params.machine, body.force, dependencies),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/people",
    summary: "Signs a person's certificate, by which they are let in with a role.",
    needs: "admin",
    body: personCreateSchema,
    response: personCreatedSchema,
    handle: ({ body }, dependencies) => createPerson(body, dependencies),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/people/{person}/revoke",
    summary: "Refuses every certificate of a person from then on.",
    needs: "admin",
    params: personParams,
    response: z.object({ name: z.string() }),
    handle: async ({ params }, dependencies) => {
      await revokePerson(params.person, dependencies);
      return { name: params.person };
    },
  }),
  jsonRoute({
    method: "post",
    path: "/v1/leave",
    summary: "Takes the machine that is asked out of the cluster, once others have its units.",
    needs: "admin",
    body: leaveSchema,
    response: removedSchema,
    handle: ({ body }, dependencies) => leaveCluster(body.now, dependencies),
  }),
];
