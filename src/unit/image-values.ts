/** Grammars of settings for disk images and what is overlaid from them: systemd.exec(5), PATHS. Only systemd mounts them. */
import { Complaint } from "./diagnostic.ts";
import { parseBase64 } from "./exec-values.ts";
import { type Grammar, unresolved, type ValueContext } from "./grammar.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { readPath } from "./values.ts";
import { wordList } from "./word-list.ts";
import { splitWords, TUPLE_PARTS, TUPLE_WORDS, takeWord } from "./words.ts";

/** Options for mounting one partition of an image. */
interface PartitionOptions {
  readonly partition: string;
  readonly options: string;
}

export interface ImageMount {
  readonly source: string;
  /** Where it is mounted; an extension is overlaid. */
  readonly destination?: string;
  /** `-`: a missing image is no failure. */
  readonly optional: boolean;
  readonly partitions: readonly PartitionOptions[];
}

/** systemd's names for the partitions of the Discoverable Partitions Specification. */
const PARTITIONS =
  "root root-secondary usr usr-secondary home srv esp xbootldr swap root-verity root-secondary-verity usr-verity " +
  "usr-secondary-verity root-verity-sig root-secondary-verity-sig usr-verity-sig usr-secondary-verity-sig tmp var";

/** One partition's options, or what is wrong with them. `shown` is what systemd quotes. */
function readPartition(
  partition: string,
  options: string,
  { specifiers }: ValueContext,
  shown = options,
): PartitionOptions | Complaint {
  if (!PARTITIONS.split(" ").includes(partition))
    return new Complaint(`Invalid partition name ${partition}, ignoring`);
  const expanded = expandSpecifiers(options, specifiers);
  return expanded === undefined ? unresolved(shown, "bare") : { partition, options: expanded };
}

/** `/image:/destination` and perhaps options; several between blanks. */
export const mountImages = wordList<ImageMount>({
  name: "IMAGE:DESTINATION or IMAGE:DESTINATION:PARTITION:OPTIONS",
  words: TUPLE_WORDS,
  unclosed: "Invalid syntax %k=%v, ignoring: Invalid argument",
  read: (tuple, context, value) => readImage(tuple, context, value),
});

export const extensionImages = wordList<ImageMount>({
  name: "IMAGE or IMAGE:PARTITION:OPTIONS",
  words: TUPLE_WORDS,
  unclosed: "Invalid syntax %k=%v, ignoring: Invalid argument",
  read: (tuple, context) => readImage(tuple, context),
});

/** `value` is the whole of what is mounted somewhere; an extension has no destination. */
function readImage(tuple: string, context: ValueContext, value?: string): ImageMount | Complaint {
  const { words, unknownEscape } = splitWords(tuple, TUPLE_PARTS);
  const [first = "", second = "", ...more] = words;
  if (unknownEscape) return new Complaint(`Invalid syntax in ${context.key}=, ignoring: ${tuple}`);
  const optional = first.startsWith("-");
  const source = readImagePath(optional ? first.slice(1) : first, "unit specifiers", context);
  if (source instanceof Complaint) return source;
  if (value === undefined)
    return { source, optional, partitions: readPartitions(words.slice(1), first, context) };
  if (second === "") return new Complaint(`Missing destination in ${context.key}, ignoring: ${value}`);
  const destination = readImagePath(second, "specifiers", context);
  if (destination instanceof Complaint) return destination;
  return { source, destination, optional, partitions: readPartitions(more, first, context) };
}

function readImagePath(text: string, what: string, { key, specifiers }: ValueContext): string | Complaint {
  const expanded = expandSpecifiers(text, specifiers);
  if (expanded !== undefined) return readPath(key, expanded);
  return new Complaint(`Failed to resolve ${what} in "${text}", ignoring: Invalid slot`);
}

/** Pairs of a partition and its options; options alone are those of the root. */
function readPartitions(
  words: readonly string[],
  image: string,
  context: ValueContext,
): readonly PartitionOptions[] {
  const found: PartitionOptions[] = [];
  for (let at = 0; at < words.length; at += 2) {
    const [first = "", second] = words.slice(at, at + 2);
    const read =
      second === undefined
        ? readPartition("root", first, context, context.key === "MountImages" ? image : first)
        : readPartition(first, second, context);
    if (read instanceof Complaint) context.warn(read.message, first);
    else found.push(read);
  }
  return found;
}

/** `ro`, or `root:ro usr:ro,nosuid`. */
export const rootImageOptions: Grammar<readonly PartitionOptions[]> = {
  name: "mount options, or PARTITION:OPTIONS for each partition",
  parse: (value, context) => {
    const { words, unbalanced } = splitWords(value, TUPLE_WORDS);
    const tuples = words.map((word) => splitWords(word, TUPLE_PARTS));
    const isBad = tuples.some(({ words: parts, unknownEscape }) => unknownEscape || parts.length > 2);
    if (unbalanced || isBad) return new Complaint(`Failed to parse ${context.key}, ignoring: ${value}`);
    return tuples.flatMap(({ words: [first = "", second = ""] }) => {
      const read =
        second === "" ? readPartition("root", first, context) : readPartition(first, second, context);
      if (!(read instanceof Complaint)) return [read];
      context.warn(read.message, first);
      return [];
    });
  },
};

/** A path, or the hash in hex. */
export const rootHash: Grammar<string> = {
  name: "a root hash in hex, or the path of a file with it",
  parse: (value) => {
    if (value.startsWith("/")) return value;
    const digits = value.replace(/\s+/g, "");
    if (digits === "" || !/^([0-9a-fA-F]{2})*$/.test(digits))
      return new Complaint(`Failed to decode RootHash=, ignoring: ${value}`);
    return digits.length < 32 ? new Complaint(`RootHash= is too short, ignoring: ${value}`) : digits;
  },
};

/** A path, or the signature after `base64:`. */
export const rootHashSignature: Grammar<string> = {
  name: "base64: and a signature, or the path of a file with it",
  parse: (value) => {
    if (value.startsWith("/")) return value;
    if (!value.startsWith("base64:")) {
      return new Complaint(
        `Failed to decode RootHashSignature=, not a path but doesn't start with 'base64:', ignoring: ${value}`,
      );
    }
    return parseBase64(value.slice(7)) === undefined
      ? new Complaint(`Failed to decode RootHashSignature=, ignoring: ${value}`)
      : value;
  },
};

/** Bits of /proc/PID/coredump_filter. */
const COREDUMP_MEMORY =
  "private-anonymous shared-anonymous private-file-backed shared-file-backed elf-headers private-huge shared-huge " +
  "private-dax shared-dax";

const ALL_MEMORY = 2n ** 64n - 1n;
/** What the kernel writes by itself: anonymous memory, headers, and huge pages that are private. */
const DEFAULT_MEMORY = 0x33n;

/** Kinds of memory, or bits in hex; the bits of all of them. */
export const coredumpFilter: Grammar<bigint> = {
  name: "kinds of memory such as private-anonymous, default, all, or bits in hex",
  parse: (value) => {
    let bits = 0n;
    for (let at = 0; ; ) {
      const word = takeWord(value, at, { escapes: "keep", retainQuotes: true });
      if (word.kind !== "word") return bits;
      const fault = coredumpFault(word.text);
      if (fault !== undefined)
        return new Complaint(
          `Failed to parse the CoredumpFilter=${value}, ignoring: ${fault}`,
          "warning",
          word.text,
        );
      bits |= coredumpBits(word.text);
      at = word.next;
    }
  },
};

function coredumpBits(word: string): bigint {
  if (word === "all") return ALL_MEMORY;
  if (word === "default") return DEFAULT_MEMORY;
  const bit = COREDUMP_MEMORY.split(" ").indexOf(word);
  return bit < 0 ? BigInt(`0x${word.replace(/^\+?(0x)?/i, "")}`) : 1n << BigInt(bit);
}

function coredumpFault(word: string): string | undefined {
  if (word === "default" || word === "all" || COREDUMP_MEMORY.split(" ").includes(word)) return undefined;
  if (/^-(0x)?[0-9a-f]+$/i.test(word)) return "Numerical result out of range";
  const [, digits] = /^\+?(?:0x)?([0-9a-f]+)$/i.exec(word) ?? [];
  if (digits === undefined) return "Invalid argument";
  return digits.replace(/^0+/, "").length > 16 ? "Numerical result out of range" : undefined;
}
