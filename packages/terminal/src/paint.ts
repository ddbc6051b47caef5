import { tame } from '@llama-probe/report';
import type { Line } from './line.js';

/** How many colours a terminal has: none are wanted, 16, 256, or 24 bits. */
export type Depth = 0 | 16 | 256 | 24;

type Rgb = readonly [number, number, number];
interface Ink {
  readonly rgb: Rgb;
  /** Of the 256. */
  readonly near: number;
  /** Of the 16, as an SGR code. */
  readonly basic: number;
}

/**
 * Okabe and Ito's colours, which those who cannot tell red from green can tell, darker where they must be read on white too: all have 3:1
 * on black and on white. Yellow cannot have both; it fills cells and backgrounds, and is no text.
 */
export const INKS = {
  blue: { rgb: [47, 134, 201], near: 32, basic: 94 },
  sky: { rgb: [20, 150, 170], near: 30, basic: 36 },
  yellow: { rgb: [214, 192, 16], near: 184, basic: 33 },
  vermillion: { rgb: [220, 92, 16], near: 166, basic: 31 },
  orange: { rgb: [192, 128, 0], near: 136, basic: 35 },
  green: { rgb: [0, 152, 108], near: 29, basic: 32 },
  purple: { rgb: [190, 100, 150], near: 132, basic: 95 },
  grey: { rgb: [128, 128, 128], near: 244, basic: 90 },
} as const satisfies Record<string, Ink>;
type InkName = keyof typeof INKS;

const WHITE = { rgb: [255, 255, 255], near: 231, basic: 97 } as const satisfies Ink;
const BLACK = { rgb: [0, 0, 0], near: 16, basic: 30 } as const satisfies Ink;

/** Attributes that are no colours. */
const ATTRIBUTES = { bold: '1', dim: '2', underline: '4', inverse: '7' } as const;

/** A background always comes with its own foreground: nothing is known of the terminal's. */
const BADGES = {
  'on-vermillion': [INKS.vermillion, WHITE],
  'on-green': [INKS.green, BLACK],
  'on-yellow': [INKS.yellow, BLACK],
  'on-sky': [INKS.sky, BLACK],
} as const satisfies Record<string, readonly [Ink, Ink]>;

export type Tone = InkName | keyof typeof ATTRIBUTES | keyof typeof BADGES;

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
