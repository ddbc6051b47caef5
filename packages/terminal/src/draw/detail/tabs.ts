import { type Line, lineWidth } from '../../line.js';
import { type Detail, TABS } from '../../state.js';
import { rowTitle } from './row.js';

const SHORT: Readonly<Record<string, string>> = { histogram: 'hist', 'top logits': 'logits' };

/** The names of the views, as much of them as there is room for. */
export function tabs(detail: Detail, room: number): Line {
  const named = TABS.map((tab) => (tab === 'row' ? rowTitle(detail.at.stage) : tab));
  const titled = (names: readonly string[], gap: string): Line =>
    names
      .flatMap((name, i): Line => {
        const tones = TABS[i] === detail.tab ? (['bold', 'sky'] as const) : (['dim'] as const);
        return [[`${i + 1}${name === '' ? '' : ` ${name}`}`, ...tones], [gap]];
      })
      .slice(0, -1);
  const shorter = named.map((name) => SHORT[name] ?? name);
  const onlyThis = shorter.map((name, i) => (TABS[i] === detail.tab ? name : ''));
  const all = [titled(named, '  '), titled(named, ' '), titled(shorter, ' ')];
  return all.find((line) => lineWidth(line) <= room) ?? titled(onlyThis, ' ');
}
