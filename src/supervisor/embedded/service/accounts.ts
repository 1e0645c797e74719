/** Users and groups of the machine, from its own files; pure on their text. */

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** The user of this name or number in the text of /etc/passwd. A number needs no entry. */
export function findUser(passwd: string, user: string): Account | undefined {
  const rows = passwd.split("\n").map((line) => line.split(":"));
  const row = rows.find(([name, , uid]) => name === user || uid === user);
  if (row === undefined) {
    return /^\d+$/.test(user)
      ? { name: user, uid: Number(user), gid: Number(user), home: "/", shell: "/bin/sh" }
      : undefined;
  }
  const [name = user, , uid, gid, , home = "/", shell = "/bin/sh"] = row;
  return { name, uid: Number(uid), gid: Number(gid), home, shell };
}

/** The number of the group of this name or number in the text of /etc/group. */
export function findGroup(groups: string, group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const row = groups.split("\n").find((line) => line.startsWith(`${group}:`));
  return row === undefined ? undefined : Number(row.split(":")[2]);
}

/** The numbers of the groups a user is a member of beside the own one. */
export function groupsOf(groups: string, user: string): readonly number[] {
  return groups.split("\n").flatMap((line) => {
    const [, , gid, members = ""] = line.split(":");
    return members.split(",").includes(user) ? [Number(gid)] : [];
  });
}
