import { tame } from '@llama-probe/report';
import type { Line } from './line.js';
import { ATTRIBUTES, BADGES, DIM, INKS, type Ink, type InkName, type Tone } from './tones.js';

/** How many colours a terminal has: none are wanted, 16, 256, or 24 bits. */
export type Depth = 0 | 16 | 256 | 24;

/** What the terminal can show. NO_COLOR is heard whatever it says, as long as it says something (no-color.org). */
export function depthOf({ NO_COLOR, COLORTERM, TERM = '' }: NodeJS.ProcessEnv): Depth {
  if (NO_COLOR) return 0;
  if (COLORTERM === 'truecolor' || COLORTERM === '24bit' || /direct|kitty|ghostty|alacritty|wezterm/.test(TERM))
    return 24;
  return /256/.test(TERM) ? 256 : 16;
}

function code({ rgb, near, basic }: Ink, depth: Depth, isBackground = false): string {
  if (depth === 24) return `${isBackground ? 48 : 38};2;${rgb.join(';')}`;
  if (depth === 256) return `${isBackground ? 48 : 38};5;${near}`;
  return String(basic + (isBackground ? 10 : 0));
}

/** The SGR codes of a tone; without colours a badge is drawn inverse. */
function sgr(tone: Tone, depth: Depth): string | undefined {
  if (tone === 'dim' && depth > 16) return code({ ...DIM, basic: 0 }, depth);
  if (tone in ATTRIBUTES) return ATTRIBUTES[tone as keyof typeof ATTRIBUTES];
  const badge = BADGES[tone as keyof typeof BADGES];
  if (badge) return depth === 0 ? ATTRIBUTES.inverse : `${code(badge[1], depth)};${code(badge[0], depth, true)}`;
  return depth === 0 ? undefined : code(INKS[tone as InkName], depth);
}

export type Paint = (line: Line) => string;

/** Turns lines into what the terminal shows. */
export function painter(depth: Depth): Paint {
  const known = new Map<string, string>();
  const opening = (tones: readonly Tone[]) => {
    const name = tones.join();
    let codes = known.get(name);
    if (codes === undefined) {
      const all = tones.flatMap((tone) => sgr(tone, depth) ?? []);
      codes = all.length > 0 ? `\x1b[${all.join(';')}m` : '';
      known.set(name, codes);
    }
    return codes;
  };
  return (line) => {
    let text = '';
    for (const [raw, ...tones] of line) {
      const piece = tame(raw);
      const open = tones.length > 0 ? opening(tones) : '';
      text += open === '' ? piece : `${open}${piece}\x1b[0m`;
    }
    return text;
  };
}
