/**
 * The machines open to one kind of unit, in order of score: best first by preference, spread, load and ID.
 *
 * A tournament of tournaments. Machines of one spread domain play for the least load; the winners of the domains play
 * for the least used domain, and so on up to the preference tiers. The order is exactly that of compareScores, which
 * the tests hold it to.
 *
 * Invariant: what a player plays with, its key and its load, is never worse than the truth. A unit that comes only
 * makes scores worse, so nothing is done then; the winner is checked against the truth, and where it played with less
 * its games are played again until a winner's numbers are true: it is the best, since all others' can only be worse.
 * A unit that leaves makes scores better, which has to be told ({@link Ranking.improve}). The ranking must not know of
 * filters: who asks says which machines will do.
 */
import type { ScheduledMachine } from "./machine.ts";
import type { SpreadCounts, SpreadLayout } from "./spread.ts";

const NO_GAMES = new Int32Array(0);

/** Who plays: a machine, or a domain or tier that stands for the best machine in it. One class, since it is hot. */
class Player {
  readonly parent: Player | undefined;
  readonly position: number;
  /** Number of the spread domain whose count is its `key`; -1 where the key is fixed. */
  readonly domain: number;
  readonly machine: ScheduledMachine | undefined;
  readonly index: number;
  load: number;
  /** Compared before anything below; less is better. */
  key: number;
  /** False for a machine that is set aside, and for a domain whose machines all are. */
  open = true;
  /** Those in a domain or tier, and the games between them: a complete binary tree of positions, the root at 1. */
  readonly players: Player[] = [];
  winners: Int32Array = NO_GAMES;
  /** Who of `players` won. */
  lead: Player | undefined;

  constructor(parent: Player | undefined, key: number, domain: number, machine?: ScheduledMachine) {
    this.parent = parent;
    this.position = parent?.players.length ?? 0;
    this.key = key;
    this.domain = domain;
    this.machine = machine;
    this.index = machine?.index ?? -1;
    this.load = machine?.load ?? 0;
    parent?.players.push(this);
  }
}

export class Ranking {
  readonly #root: Player;
  readonly #entrants: (Player | undefined)[] = [];
  readonly #byDomain = new Map<number, Player[]>();
  /** Players whose key is a count other than 0. */
  readonly #used = new Set<Player>();
  readonly #improved = new Set<ScheduledMachine>();
  readonly #layout: SpreadLayout | undefined;
  #counts: SpreadCounts | undefined;
  readonly size: number;

  /** `preferenceOf` must not change while the ranking is used; domains come from `layout`, where there is one. */
  constructor(
    machines: readonly ScheduledMachine[],
    preferenceOf: (machine: ScheduledMachine) => number,
    layout: SpreadLayout | undefined,
  ) {
    this.size = machines.length;
    this.#layout = layout;
    this.#root = new Player(undefined, 0, -1);
    const brackets = new Map<string, Player>();
    for (const machine of machines) {
      const domains = layout?.domainsOf(machine) ?? [];
      this.#enter(machine, -preferenceOf(machine), domains, brackets);
    }
    playAll(this.#root);
  }

  /** Notes that a unit has left the machine; it need not be one of this ranking's. */
  improve(machine: ScheduledMachine): void {
    if (this.#layout !== undefined || this.#entrants[machine.index] !== undefined)
      this.#improved.add(machine);
  }

  /** The best machine that `accepts` takes, asked from the best on; `counts` are those of the unit's template. */
  find(
    counts: SpreadCounts | undefined,
    accepts: (machine: ScheduledMachine) => boolean,
  ): ScheduledMachine | undefined {
    this.#refresh();
    this.#countBy(counts);
    const aside: Player[] = [];
    let best = this.#best();
    while (best?.machine !== undefined && !accepts(best.machine)) {
      aside.push(best);
      best.open = false;
      replay(best);
      best = this.#best();
    }
    for (const player of aside) {
      player.open = true;
      replay(player);
    }
    return best?.machine;
  }

  #enter(
    machine: ScheduledMachine,
    tier: number,
    domains: readonly number[],
    brackets: Map<string, Player>,
  ): void {
    let bracket = this.#bracket(this.#root, `${tier}`, tier, -1, brackets);
    for (const domain of domains) bracket = this.#bracket(bracket, `${tier} ${domain}`, 0, domain, brackets);
    this.#entrants[machine.index] = new Player(bracket, 0, -1, machine);
  }

  #bracket(parent: Player, name: string, key: number, domain: number, brackets: Map<string, Player>): Player {
    const known = brackets.get(name);
    if (known !== undefined) return known;
    const bracket = new Player(parent, key, domain);
    brackets.set(name, bracket);
    if (domain >= 0) this.#byDomain.set(domain, [...(this.#byDomain.get(domain) ?? []), bracket]);
    return bracket;
  }

  #refresh(): void {
    for (const machine of this.#improved) {
      for (const domain of this.#layout?.domainsOf(machine) ?? []) this.#recountDomain(domain);
      const entrant = this.#entrants[machine.index];
      if (entrant !== undefined) this.#reload(entrant);
    }
    this.#improved.clear();
  }

  /** The winner once its numbers are true; undefined when all machines are set aside. */
  #best(): Player | undefined {
    let best = bestOf(this.#root);
    while (best !== undefined && this.#correct(best)) best = bestOf(this.#root);
    return best;
  }

  /** Brings a winner's numbers up to the truth. True when it has to defend its place. */
  #correct(winner: Player): boolean {
    if (this.#reload(winner)) return true;
    for (let above = winner.parent; above !== undefined; above = above.parent) {
      if (above.domain < 0 || !this.#recount(above)) continue;
      replay(above);
      return true;
    }
    return false;
  }

  #reload(entrant: Player): boolean {
    const load = entrant.machine?.load ?? 0;
    if (load === entrant.load) return false;
    entrant.load = load;
    replay(entrant);
    return true;
  }

  #countBy(counts: SpreadCounts | undefined): void {
    if (this.#counts === counts) return;
    this.#counts = counts;
    for (const player of this.#used) if (this.#recount(player)) replay(player);
    for (const domain of counts?.used() ?? []) this.#recountDomain(domain);
  }

  #recountDomain(domain: number): void {
    for (const player of this.#byDomain.get(domain) ?? []) if (this.#recount(player)) replay(player);
  }

  /** Brings a player's key up to its domain's count. True when it changed. */
  #recount(player: Player): boolean {
    const key = this.#counts?.at(player.domain) ?? 0;
    if (key === player.key) return false;
    player.key = key;
    if (key === 0) this.#used.delete(player);
    else this.#used.add(player);
    return true;
  }
}

/** Plays every game in a domain or tier and in those below it. */
function playAll(bracket: Player): void {
  for (const player of bracket.players) if (player.machine === undefined) playAll(player);
  const count = bracket.players.length;
  bracket.winners = new Int32Array(2 * count);
  for (let position = 0; position < count; position++) bracket.winners[count + position] = position;
  for (let game = count - 1; game >= 1; game--) play(bracket, game);
  settle(bracket);
}

/**
 * Plays the games of a player that changed again, as far up as its result matters: a game that another won before and
 * wins again leaves everything above it as it was.
 */
function replay(changed: Player): void {
  let player = changed;
  for (let bracket = player.parent; bracket !== undefined; bracket = player.parent) {
    const { position } = player;
    for (let game = (bracket.players.length + position) >> 1; game >= 1; game >>= 1) {
      const before = bracket.winners[game];
      if (play(bracket, game) === before && before !== position) return;
    }
    settle(bracket);
    player = bracket;
  }
}

/** Plays one game and returns the winner's position. */
function play(bracket: Player, game: number): number {
  const left = bracket.winners[2 * game] ?? 0;
  const right = bracket.winners[2 * game + 1] ?? 0;
  const winner = beats(bracket.players[right], bracket.players[left]) ? right : left;
  bracket.winners[game] = winner;
  return winner;
}

function settle(bracket: Player): void {
  bracket.lead = bracket.players[bracket.winners[1] ?? 0];
  bracket.open = bracket.lead?.open ?? false;
}

/** True when `left` comes before `right`: by the keys from here down, then by load, then by machine ID. */
function beats(left: Player | undefined, right: Player | undefined): boolean {
  if (left === undefined || right === undefined || !left.open || !right.open) return left?.open ?? false;
  let [first, second] = [left, right];
  while (first.key === second.key) {
    if (first.lead === undefined || second.lead === undefined) return isLessLoaded(first, second);
    first = first.lead;
    second = second.lead;
  }
  return first.key < second.key;
}

function isLessLoaded(left: Player, right: Player): boolean {
  return left.load === right.load ? left.index < right.index : left.load < right.load;
}

/** The machine at the end of the winners; undefined when all are set aside. */
function bestOf(root: Player): Player | undefined {
  if (!root.open) return undefined;
  let player: Player = root;
  while (player.lead !== undefined) player = player.lead;
  return player;
}
