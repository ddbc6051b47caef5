/** Controls but for tab and line feed, and what changes the direction of writing: unseen, they make a name read as another. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}]/gu;

/** Text in which nothing is hidden. @example visible('a\u202eb') === 'a\\u202eb' */
export const visible = (text: string): string =>
  text.replace(UNSEEN, (char) =>
    char === '\t' || char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
