/** A set of words that is asked for seldom, as one text: a set in memory would be ten times as large. */

/** The words of `text`, which stand between blanks or line ends. */
export function wordTable(text: string): string {
  return ` ${text.trim().replaceAll(/\s+/g, " ")} `;
}

/** Whether `word` is one of the words of a table that `wordTable` made. */
export function hasWord(table: string, word: string): boolean {
  if (word === "" || word.includes(" ")) return false;
  for (let at = table.indexOf(word); at >= 0; at = table.indexOf(word, at + 1)) {
    if (table[at - 1] === " " && table[at + word.length] === " ") return true;
  }
  return false;
}
