/**
 * How the commands of `flotilla dev` talk to the dev host: one line of JSON each way over a unix socket.
 * The socket is also the lock of the cluster's directory: who listens on it is its host.
 */
import { once } from "node:events";
import { constants } from "node:fs";
import { access, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError, isErrorCode, toFlotillaError } from "#base/errors.ts";
import { makeDirectories } from "#host/files.ts";
import { layoutSchema } from "./layout.ts";

const requestSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("status") }),
  z.object({ do: z.literal("down") }),
  z.object({ do: z.literal("kill"), machine: z.string() }),
  z.object({ do: z.literal("restart"), machine: z.string() }),
]);
export type HostRequest = Readonly<z.infer<typeof requestSchema>>;

const statusSchema = z.object({
  pid: z.number(),
  /** True once every machine has joined and the units asked for are started. */
  ready: z.boolean(),
  layout: layoutSchema,
  machines: z.array(
    z.object({ name: z.string(), power: z.enum(["on", "off", "restarting"]), pid: z.number().optional() }),
  ),
});
export type HostStatus = Readonly<z.infer<typeof statusSchema>>;

const answerSchema = z.union([
  z.object({ status: statusSchema }),
  z.object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      causes: z.array(z.string()),
      hint: z.string().optional(),
    }),
  }),
]);

const GONE_CHECK_MS = 20;
const GONE_CHECKS = 250;

/** sun_path of unix(7), of which the last byte is zero; a machine's own sockets lie deeper than the host's. */
const MAX_DIRECTORY_BYTES = 107 - "/m99/run/flotilla.sock".length;

const socketPath = (directory: string): string => join(directory, "host.sock");

/** Makes a cluster's directory. @throws FlotillaError `bad-config` or `not-permitted` when it cannot be one */
export async function makeDirectory(directory: string): Promise<void> {
  const bytes = Buffer.byteLength(directory);
  if (bytes > MAX_DIRECTORY_BYTES) {
    throw unfit(
      directory,
      `its path has ${bytes} bytes; with room for sockets ${MAX_DIRECTORY_BYTES} are possible`,
    );
  }
  try {
    await makeDirectories(directory);
    await access(directory, constants.W_OK);
  } catch (error) {
    throw unfit(directory, error);
  }
}

function unfit(directory: string, cause: unknown): FlotillaError {
  const code = hasCode(cause, "EACCES") || hasCode(cause, "EROFS") ? "not-permitted" : "bad-config";
  return new FlotillaError(code, `${directory} cannot be the directory of a cluster`, {
    causes: [cause instanceof Error ? cause.message : String(cause)],
    hint: "choose another with --dir",
  });
}

/** Serves a directory's dev host. @throws FlotillaError `state-dir-in-use` when it has one already. */
export async function serveHost(
  directory: string,
  answer: (request: HostRequest) => Promise<HostStatus>,
): Promise<Server> {
  // The client half-closes after its request, and gets its answer on the other half.
  const server = createServer({ allowHalfOpen: true }, (socket) => void serveOne(socket, answer));
  try {
    await listen(server, socketPath(directory));
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE")) throw error;
    if (await isServed(directory)) throw inUse(directory);
    await rm(socketPath(directory), { force: true });
    await listen(server, socketPath(directory));
  }
  return server;
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, "listening");
}

async function serveOne(
  socket: Socket,
  answer: (request: HostRequest) => Promise<HostStatus>,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  const reply = await text(socket)
    .then((line) => answer(requestSchema.parse(JSON.parse(line))))
    .then(
      (status) => ({ status }),
      (error: unknown) => ({ error: toFlotillaError(error).toJSON() }),
    );
  socket.end(JSON.stringify(reply));
}

function inUse(directory: string): FlotillaError {
  return new FlotillaError("state-dir-in-use", `a development cluster is up already in ${directory}`, {
    hint: "look at it with: flotilla dev status; stop it with: flotilla dev down; or choose another --dir",
  });
}

/** Whether a dev host answers for the directory. */
export async function isServed(directory: string): Promise<boolean> {
  try {
    (await open(directory)).destroy();
    return true;
  } catch {
    return false;
  }
}

async function open(directory: string): Promise<Socket> {
  const socket = connect({ path: socketPath(directory), allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/**
 * Asks the directory's dev host to do something; resolves when it is done.
 * @throws FlotillaError `unreachable` when there is no host, or the error that the host met.
 */
export async function askHost(directory: string, request: HostRequest): Promise<HostStatus> {
  const socket = await open(directory).catch((error: unknown) => {
    throw new FlotillaError("unreachable", `no development cluster is up in ${directory}`, {
      hint: "start one with: flotilla dev up",
      cause: error,
    });
  });
  socket.end(JSON.stringify(request));
  const answer = answerSchema.parse(JSON.parse(await text(socket)));
  if ("status" in answer) return answer.status;
  const { code, message, causes, hint } = answer.error;
  throw new FlotillaError(isErrorCode(code) ? code : "internal", message, {
    causes,
    ...(hint ? { hint } : {}),
  });
}

/** Asks the dev host to end the cluster; resolves when its process is gone too. */
export async function endHost(directory: string, clock: Clock): Promise<void> {
  const { pid } = await askHost(directory, { do: "down" });
  // Nobody but its parent is told of a process's end; it has only its socket left to close.
  for (let asked = 0; asked < GONE_CHECKS && isAlive(pid); asked += 1) await sleep(clock, GONE_CHECK_MS);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
