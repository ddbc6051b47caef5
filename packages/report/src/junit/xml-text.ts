// XML 1.0 has no way to write these, not even escaped, and a parser refuses a file that has one.
const ILLEGAL = /(?![\t\n\r])\p{Cc}|[\p{Cs}\ufffe\uffff]/gu; // \p{Cs}: half of a surrogate pair

/** Text that XML 1.0 can hold: what it cannot is replaced by U+FFFD. */
export const xmlText = (text: string): string => text.replace(ILLEGAL, '\ufffd');

/** The same in one line, for an attribute: a parser makes blanks of its line breaks anyway. */
export const xmlLine = (text: string): string => xmlText(text).replace(/\s+/g, ' ').trim();
