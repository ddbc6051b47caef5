import { fit, type Line } from '../../line.js';
import { headStrip } from './heads.js';
import { histogram } from './histogram.js';
import { logitsOrProbabilities } from './row.js';
import type { Scene } from './scene.js';
import { tokenBars } from './tokens.js';
import { values } from './values.js';
import { worst } from './worst.js';

/** As many views beside and below each other as there is room for. */
export function overview(scene: Scene): Line[] {
  const { width, height, news, detail } = scene;
  const at = { ...detail, scroll: 0 };
  const hasHeads = news.detail?.headRows != null;
  const means = detail.at.stage === 'kq_soft_max' || detail.at.stage === 'result_output';
  const draw = (view: (scene: Scene) => Line[], width: number, height: number) =>
    titled(view({ ...scene, detail: at, width, height }), width, height);
  if (width < 100 || height < 12) {
    const half = height >= 14 ? Math.floor(height / 2) : height;
    const first = draw(tokenBars, width, half);
    return half === height ? first : [...first, ...draw(hasHeads ? headStrip : worst, width, height - half)];
  }
  const left = Math.floor((width - 2) / 2);
  const right = width - 2 - left;
  const half = Math.min(Math.floor(height / 2), (news.detail?.rows.length ?? 0) + 3);
  const top = beside(draw(tokenBars, left, half), draw(hasHeads ? headStrip : histogram, right, half), left);
  const below = beside(
    draw(means ? logitsOrProbabilities : hasHeads ? histogram : values, left, height - half),
    draw(worst, right, height - half),
    left,
  );
  return [...top, ...below];
}

/** Exactly so many lines, the last of them empty. */
function titled(lines: readonly Line[], width: number, height: number): Line[] {
  return Array.from({ length: height }, (_, i) => fit(i < height - 1 ? (lines[i] ?? []) : [], width));
}

const beside = (left: readonly Line[], right: readonly Line[], width: number): Line[] =>
  left.map((line, i) => [...fit(line, width), ['  '], ...(right[i] ?? [])]);
