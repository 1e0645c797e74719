/**
 * Users and groups of the machine: from its own files, and from the name service (getent) where those do not know one.
 *
 * Files are read anew each time, so that a new user counts at once. The name service is asked ahead of a start, because
 * it may take its time, and what it said is remembered.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** Accounts that a unit names. */
export interface NamedAccounts {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}

type Table = "passwd" | "group";

const GETENT_TIMEOUT_MS = 10_000;

export class Accounts {
  readonly #files: Readonly<Record<Table, string>>;
  /** Lines that getent printed, by table. */
  readonly #served: Record<Table, string> = { passwd: "", group: "" };

  constructor(files: Readonly<Record<Table, string>> = { passwd: "/etc/passwd", group: "/etc/group" }) {
    this.#files = files;
  }

  user(name: string): Account | undefined {
    return findUser(this.#text("passwd"), name);
  }

  group(name: string): number | undefined {
    return findGroup(this.#text("group"), name);
  }

  groupsOf(user: string): readonly number[] {
    return groupsOf(this.#text("group"), user);
  }

  knows({ users, groups }: NamedAccounts): boolean {
    return users.every((name) => this.user(name)) && groups.every((name) => this.group(name) !== undefined);
  }

  /** Asks the name service for those that are not known. */
  async ask({ users, groups }: NamedAccounts): Promise<void> {
    await Promise.all([
      ...users.filter((name) => this.user(name) === undefined).map((name) => this.#ask("passwd", name)),
      ...groups.filter((name) => this.group(name) === undefined).map((name) => this.#ask("group", name)),
    ]);
  }

  async #ask(table: Table, name: string): Promise<void> {
    try {
      const { stdout } = await promisify(execFile)("getent", [table, "--", name], {
        timeout: GETENT_TIMEOUT_MS,
      });
      this.#served[table] += stdout;
    } catch {
      // It does not know the name either, or there is no such program: the command's start will say so.
    }
  }

  #text(table: Table): string {
    return `${readText(this.#files[table])}\n${this.#served[table]}`;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The user of this name or number in the text of /etc/passwd. */
export function findUser(passwd: string, user: string): Account | undefined {
  const rows = `${passwd}\n${ROOT}`.split("\n").map((line) => line.split(":"));
  const row = rows.find(([name, , uid]) => name === user || uid === user);
  if (row === undefined) return undefined;
  const [name = user, , uid, gid, , home = "/", shell = ""] = row;
  return { name, uid: Number(uid), gid: Number(gid), home, shell };
}

/** The one user that is there also where no file says so; read as a group's line, it is root's group. */
const ROOT = "root:x:0:0:root:/root:/bin/sh";

/** The number of the group of this name or number in the text of /etc/group. */
export function findGroup(groups: string, group: string): number | undefined {
  const rows = `${groups}\n${ROOT}`.split("\n").map((line) => line.split(":"));
  const row = rows.find(([name, , gid]) => name === group || gid === group);
  return row === undefined ? undefined : Number(row[2]);
}

/** The numbers of the groups a user is a member of beside the own one. */
export function groupsOf(groups: string, user: string): readonly number[] {
  return groups.split("\n").flatMap((line) => {
    const [, , gid, members = ""] = line.split(":");
    return members.split(",").includes(user) ? [Number(gid)] : [];
  });
}
