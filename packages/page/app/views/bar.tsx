import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { PageData } from '../../src/data.js';
import type { Run } from '../model.js';
import { VERDICTS } from '../states.js';

const THEMES = ['automatic', 'light', 'dark'] as const;

export function Bar({ data, run }: { data: PageData; run: Run }) {
  const [theme, setTheme] = useState(0);
  const name = THEMES[theme] ?? 'automatic';
  const next = (theme + 1) % THEMES.length;
  const { verdict } = run.data;
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = name;
  }, [name]);
  useEffect(() => {
    document.title = `${VERDICTS[verdict].glyph} ${run.data.name}: llama-probe`;
  }, [verdict, run]);
  return (
    <header class="bar">
      <span class="brand">
        <Mark /> llama-probe
      </span>
      <span class="title">{run.data.name}</span>
      <span class="made">{data.made.slice(0, 16).replace('T', ' ')} UTC</span>
      <button type="button" class="theme" onClick={() => setTheme(next)} title={`Change to ${THEMES[next]}`}>
        Theme: {name}
      </button>
    </header>
  );
}

/** Layers, one of which is off. */
const Mark = () => (
  <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <rect x="1" y="2" width="10" height="3" rx="1" />
    <rect x="5" y="6.5" width="10" height="3" rx="1" class="off" />
    <rect x="1" y="11" width="10" height="3" rx="1" />
  </svg>
);
