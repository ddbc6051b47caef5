import { fit, type Line, lineWidth, type Segment } from '../line.js';
import type { Tone } from '../tones.js';

export interface BoxOptions {
  readonly width: number;
  readonly height: number;
  readonly title: Line;
  /** Set into the lower border. */
  readonly footer?: Line;
  readonly hasFocus?: boolean;
}

/** Lines in a frame, exactly as large as it is asked for. */
export function box(
  lines: readonly Line[],
  { width, height, title, footer = [], hasFocus = false }: BoxOptions,
): Line[] {
  const tones: readonly Tone[] = hasFocus ? ['sky'] : ['grey'];
  const side: Segment = ['│', ...tones];
  const inner = Array.from({ length: height - 2 }, (_, i) => [side, ...fit(lines[i] ?? [], width - 2), side]);
  return [border('╭', '╮', title, width, tones), ...inner, border('╰', '╯', footer, width, tones)];
}

function border(left: string, right: string, text: Line, width: number, tones: readonly Tone[]): Line {
  const room = width - 6;
  const shown =
    text.length === 0 ? [] : [[' '] as const, ...(lineWidth(text) > room ? fit(text, room) : text), [' '] as const];
  const rest = width - 3 - lineWidth(shown);
  return [[`${left}─`, ...tones], ...shown, [`${'─'.repeat(Math.max(0, rest))}${right}`, ...tones]];
}
