import { pick, type Random } from './mutations.js';

/** Names and texts that do something where they are shown as they are. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  '\x1b[31mred\x1b[2J\x1b]0;title\x07',
  'a\nb\r\nc',
  '\n::error file=a.ts,line=1::pwned',
  '##[error]pwned',
  '::error file=a.ts,line=1::pwned',
  ']]><x/>',
  '</script><script>globalThis.pwned = 1</script>',
  '<img src=x onerror=alert(1)>',
  'a|b|`c`',
  '=1+1',
  '\u202eright to left\u2066',
  '\x9b31m\x85\x7f',
  '\ud800',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '%s%n$(id)',
  'é'.repeat(300),
];

export const hostileText = (random: Random): string => pick(random, HOSTILE_TEXTS);
