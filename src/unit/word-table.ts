/** A set of words that is asked for seldom, as one text: a set in memory would be ten times as large. */

/** The words of `text`, which stand between blanks or line ends. */
export function wordTable(text: string): string {
  return ` ${text.trim().replaceAll(/\s+/g, " ")} `;
}

/** Whether `word` is one of the words of a table that `wordTable` made. */
export function hasWord(table: string, word: string): boolean {
  return !word.includes(" ") && table.includes(` ${word} `);
}
