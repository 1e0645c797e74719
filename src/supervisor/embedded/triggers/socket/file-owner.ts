/** Who the files of a socket unit's sockets belong to: SocketUser= and SocketGroup=. */
import type { SocketSettings } from "#unit/read-socket.ts";
import type { Accounts } from "../../exec/accounts.ts";
import type { Owner } from "./listen.ts";

type Named = Pick<SocketSettings, "user" | "group">;

/** Asks the system for the accounts that are named, unless they are known. */
export async function learnOwner({ user, group }: Named, accounts: Accounts): Promise<void> {
  const named = {
    users: user === undefined ? [] : [user],
    groups: group === undefined ? [] : [group],
  };
  if (!accounts.knows(named)) await accounts.ask(named);
}

/** Undefined: whoever makes the files. An error where the user or group is not known here. */
export function ownerOf({ user, group }: Named, accounts: Accounts): Owner | undefined | Error {
  if (user === undefined && group === undefined) return undefined;
  const account = user === undefined ? undefined : accounts.user(user);
  if (user !== undefined && account === undefined) return new Error(`there is no user ${user}`);
  const gid = group === undefined ? account?.gid : accounts.group(group);
  if (gid === undefined) return new Error(`there is no group ${group}`);
  return { uid: account?.uid ?? process.getuid?.() ?? 0, gid };
}
