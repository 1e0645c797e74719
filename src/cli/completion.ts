/** `flotilla completion`: the script that makes a shell ask `flotilla complete` for what may come next. */
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { CommandContext } from "./command.ts";

/**
 * Bash takes `@`, `:` and `=` for ends of words and replaces only what stands behind the last of them, so the part
 * before it is cut off each answer.
 */
const BASH = `_flotilla() {
  local line="\${COMP_LINE:0:COMP_POINT}" words=() reply=() prefix=""
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current="\${words[-1]}" breaks="\${COMP_WORDBREAKS//[^@:=]/}"
  if [[ -n $breaks && $current == *[$breaks]* ]]; then prefix="\${current%"\${current##*[$breaks]}"}"; fi
  mapfile -t reply < <(flotilla complete -- "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=("\${reply[@]#"$prefix"}")
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -F _flotilla flotilla
`;

/** In a folder of completions zsh runs the file when the first line is to be completed; sourced, it only tells of itself. */
const ZSH = `#compdef flotilla
_flotilla() {
  local -a reply
  reply=("\${(@f)$(flotilla complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a reply
}
if [ "$funcstack[1]" = "_flotilla" ]; then _flotilla; else compdef _flotilla flotilla; fi
`;

const FISH = `complete -c flotilla -f -a '(flotilla complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`;

/** The script of each shell, which asks this program for everything and so never grows old. */
export const COMPLETIONS: ReadonlyMap<string, string> = new Map([
  ["bash", BASH],
  ["zsh", ZSH],
  ["fish", FISH],
]);

export async function completion({ args, io }: CommandContext): Promise<number> {
  const [shell = ""] = args;
  const script = COMPLETIONS.get(shell);
  if (script === undefined) {
    const near = nearest(shell, COMPLETIONS.keys());
    throw new FlotillaError("usage", `there is no completion for ${shell}`, {
      hint: near === undefined ? "there is one for bash, zsh and fish" : `did you mean ${near}?`,
    });
  }
  io.stdout.write(script);
  return 0;
}
