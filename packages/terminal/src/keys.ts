import type { Key as InkKey } from 'ink';

/** A key by its name (`up`, `enter`, `ctrl-d`, …), or the character that it types. */
export type Key = string;

const ARROWS = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
] as const satisfies readonly (readonly [keyof InkKey, Key])[];

const CONTROLS: Readonly<Record<string, Key>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x1b': 'escape',
  '\x7f': 'backspace',
  '\b': 'backspace',
};

/** The keys of one piece of input: what is typed fast comes several at a time. */
export function keysOf(input: string, key: InkKey): Key[] {
  for (const [flag, name] of ARROWS) if (key[flag]) return [name];
  if (key.escape) return ['escape'];
  const keys = pressed(input, key);
  return key.meta ? ['escape', ...keys] : keys; // Escape and another key at once look like one with Alt
}

function pressed(input: string, key: InkKey): Key[] {
  if (key.return) return ['enter'];
  if (key.backspace || key.delete) return ['backspace']; // most terminals send one for the other
  if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
  if (key.ctrl) return [`ctrl-${input}`];
  return [...input].map((character) => {
    const known = CONTROLS[character];
    if (known) return known;
    const number = character.charCodeAt(0);
    return number < 27 ? `ctrl-${String.fromCharCode(number + 96)}` : character;
  });
}
