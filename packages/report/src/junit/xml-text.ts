// XML 1.0 has no way to write these, not even escaped, and a parser refuses a file that has one.
import { LONG, shorten } from '../markdown/text.js';
import { noCommand } from '../tame.js';

const LONGEST = 8000; // characters of what a case says; a name may be a megabyte

// \p{Cs}: half of a surrogate pair. What turns the direction of writing is allowed, and shows a reader something else.
const ILLEGAL = /(?![\t\n\r])\p{Cc}|[\p{Cs}\ufffe\uffff\u061c\u2028-\u202e\u2066-\u2069]/gu;

/** Text that XML 1.0 can hold: what it cannot is replaced by U+FFFD. */
export const xmlText = (text: string): string => noCommand(shorten(text, LONGEST)).replace(ILLEGAL, '\ufffd');

/** The same in one line, for an attribute: a parser makes blanks of its line breaks anyway. */
export const xmlLine = (text: string): string => xmlText(shorten(text, LONG)).replace(/\s+/g, ' ').trim();
