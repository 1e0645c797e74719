/**
 * The daemon's end of its spawner: the one process that starts shims, by forking itself (spawner.pl).
 *
 * It is started ahead of the first unit, and anew when it has died; requests that it has not answered by then fail. A
 * shim owes it nothing, so that its end, with the daemon's or before, ends no unit.
 */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { JournalPlace } from "../journal/journal.ts";
import { decodeFields, encodeLine, encodeWithin } from "./protocol.ts";

/** Where the shims' program is in a checkout and in its bundle. */
export const PROGRAM_FOLDER = import.meta.dirname;
const PERL = "/usr/bin/perl";

/** Perl writes a process's name over its arguments; this is the room for `flotilla-shim: ` and a unit's name. */
const ROOM_FOR_NAME = " ".repeat(280);

/** Where a shim works and how much of its unit's output is kept. */
export interface ShimPlace {
  readonly unit: string;
  /** Random. Names this shim's files in the run directory and its notification socket. */
  readonly id: string;
  readonly runDirectory: string;
  readonly journal: JournalPlace;
}

/** Throws `unsupported` where shims cannot be run at all. */
export function requirePerl(perl = PERL): void {
  try {
    accessSync(perl, constants.X_OK);
  } catch (cause) {
    throw new FlotillaError("unsupported", `units cannot be run here: there is no ${perl}`, {
      hint: "Install the package perl-base, which every Debian and Ubuntu has unless it was removed.",
      cause,
    });
  }
}

export class ShimSpawner {
  readonly #log: (message: string) => void;
  readonly #clockSet: () => void;
  readonly #program: string;
  readonly #waiting = new Map<string, PromiseWithResolvers<ReadonlyMap<string, string>>>();
  #socket: Socket | undefined;
  #closed = false;

  /**
   * `clockSet` is called when the wall clock has been set, which only the process learns from the kernel; `programs` is
   * the folder of the shims' program.
   */
  constructor(
    log: (message: string) => void,
    clockSet: () => void = () => {},
    programs: string = PROGRAM_FOLDER,
  ) {
    this.#log = log;
    this.#clockSet = clockSet;
    this.#program = join(programs, "spawner.pl");
  }

  /** Starts the process, if it does not run; the first shim then need not wait for it. */
  prepare(): void {
    if (!this.#closed) this.#socket ??= this.#startProcess();
  }

  /** Resolves when the shim, which begins with `first`, can be connected to; rejects with the reason why there is none. */
  async spawn(place: ShimPlace, first: string): Promise<void> {
    const line = encodeLine("spawn", [
      ["id", place.id],
      ["unit", place.unit],
      ["run_dir", place.runDirectory],
      ["journal_dir", place.journal.directory],
      ["file_bytes", place.journal.fileBytes],
      ["files", place.journal.files],
      ["file_age", place.journal.fileAgeMs],
      ["unit_fields", place.journal.unitFields],
      ["own_fields", place.journal.ownFields],
    ]);
    await this.#ask(place.id, encodeWithin(line, first));
  }

  /** What units cannot be confined by on this machine, by feature, and why; found out by trying. */
  async probe(): Promise<ReadonlyMap<string, string>> {
    const answer = new Map(await this.#ask("probe", encodeLine("probe", [["id", "probe"]])));
    answer.delete("id");
    return answer;
  }

  /** The fields of the answer. */
  async #ask(id: string, line: string): Promise<ReadonlyMap<string, string>> {
    if (this.#closed) throw new Error("the supervisor is closing");
    this.prepare();
    const answer = Promise.withResolvers<ReadonlyMap<string, string>>();
    this.#waiting.set(id, answer);
    const socket = this.#socket?.ref();
    socket?.write(line);
    return answer.promise.finally(() => this.#waiting.size === 0 && socket?.unref());
  }

  /** Ends the process; the shims it has started go on. */
  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
    this.#failAll("the supervisor is closing");
  }

  #startProcess(): Socket {
    const child = spawn(PERL, [this.#program, ROOM_FOR_NAME], {
      // A session of its own: a Ctrl-C for the daemon must not reach units.
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "pipe"],
      // Not even PERL5LIB may reach the shims from the daemon's environment. What the loader looks up at once no shim
      // has to look up on its own.
      env: { LD_BIND_NOW: "1" },
      cwd: "/",
    });
    const socket = child.stdio?.[3];
    child.on("error", (error) => {
      this.#failAll(error.message);
      this.#socket?.destroy();
    });
    if (!(socket instanceof Socket)) throw new TypeError("the process that starts shims cannot be started");
    child.unref();
    this.#listen(socket);
    return socket;
  }

  #listen(socket: Socket): void {
    let rest = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#answer(line);
    });
    // What happened to the other end is told by `close`, which follows.
    socket.on("error", () => {});
    socket.on("close", () => this.#ended(socket, "the process that starts shims has ended"));
    // Units under their shims are no reason for a process to stay; an answer that is waited for is.
    socket.unref();
  }

  #answer(line: string): void {
    const { verb, fields } = decodeFields(line);
    if (verb === "clock") {
      this.#clockSet();
      return;
    }
    const id = fields.get("id") ?? "";
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (verb === "failed")
      waiting?.reject(new Error(`its shim could not be started: ${fields.get("error")}`));
    else waiting?.resolve(fields);
  }

  #ended(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (!this.#closed) this.#log(`${reason}; another is started for the next unit`);
    this.#failAll(reason);
  }

  #failAll(reason: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(`its shim could not be started: ${reason}`));
  }
}
