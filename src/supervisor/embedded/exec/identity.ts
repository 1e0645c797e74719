/** Who a command runs as: User=, Group=, SupplementaryGroups=, DynamicUser=. */
import type { ExecSettings } from "#unit/exec-settings.ts";
import type { ExecCommand } from "#unit/service.ts";
import type { Account, Accounts, NamedAccounts } from "./accounts.ts";
import { Refusal } from "./refusal.ts";

export interface Identity {
  /** Undefined: the daemon's own. */
  readonly user: Account | undefined;
  readonly gid: number | undefined;
  readonly groups: readonly number[];
}

const NOBODY: Identity = { user: undefined, gid: undefined, groups: [] };

/** Numbers that systemd keeps for dynamic users: systemd.exec(5), DynamicUser=. */
const DYNAMIC_FIRST = 61_184;
const DYNAMIC_COUNT = 65_519 - DYNAMIC_FIRST + 1;

/** Throws a refusal for an account that is not there or that the daemon may not become. */
export function resolveIdentity(
  unit: string,
  settings: ExecSettings,
  command: ExecCommand,
  { accounts, isRoot }: { readonly accounts: Accounts; readonly isRoot: boolean },
): Identity {
  if (command.privileges === "full" || command.privileges === "no-setuid") return NOBODY;
  return unitIdentity(unit, settings, { accounts, isRoot });
}

/** Of the unit, whatever its commands' prefixes say: its directories belong to it. */
export function unitIdentity(
  unit: string,
  settings: ExecSettings,
  { accounts, isRoot }: { readonly accounts: Accounts; readonly isRoot: boolean },
): Identity {
  const user = settings.dynamicUser
    ? dynamicUser(settings.user ?? unit, accounts)
    : settings.user === undefined
      ? undefined
      : knownUser(settings.user, accounts);
  if (user !== undefined && !isRoot && user.uid !== process.getuid?.()) {
    throw new Refusal("user", `cannot become ${user.name}: the daemon does not run as root`);
  }
  const gid = settings.group === undefined ? user?.gid : knownGroup(settings.group, accounts);
  const own = user === undefined ? [] : accounts.groupsOf(user.name);
  const extra = settings.supplementaryGroups.map((group) => knownGroup(group, accounts));
  return { user, gid, groups: [...new Set([...(gid === undefined ? [] : [gid]), ...own, ...extra])] };
}

function knownUser(name: string, accounts: Accounts): Account {
  const user = accounts.user(name);
  if (user === undefined) throw new Refusal("user", `there is no user ${name}`);
  return user;
}

function knownGroup(name: string, accounts: Accounts): number {
  const gid = accounts.group(name);
  if (gid === undefined) throw new Refusal("group", `there is no group ${name}`);
  return gid;
}

/** A static user of the name is taken, as systemd does. Else the name makes the number, so that a restart finds its files. */
function dynamicUser(wanted: string, accounts: Accounts): Account {
  const name = dynamicName(wanted);
  const uid = DYNAMIC_FIRST + (hash(name) % DYNAMIC_COUNT);
  return accounts.user(name) ?? { name, uid, gid: uid, home: "/", shell: "" };
}

/** A unit's name as a user's: without suffix, and where that is no name, a number of it. */
function dynamicName(unit: string): string {
  const stem = unit.replace(/\.[a-z]+$/, "");
  return /^[A-Za-z_][A-Za-z0-9_-]{0,30}$/.test(stem)
    ? stem
    : `_du${hash(unit).toString(16).padStart(8, "0")}`;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}

/** Accounts that a unit names, to be asked for ahead. */
export function namedAccounts(settings: ExecSettings): NamedAccounts {
  const { user, group, supplementaryGroups, dynamicUser: isDynamic } = settings;
  return {
    users: user === undefined || isDynamic ? [] : [user],
    groups: [...(group === undefined ? [] : [group]), ...supplementaryGroups],
  };
}
