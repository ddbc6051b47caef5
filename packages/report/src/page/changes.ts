import type { Report, StageChange } from '@llama-probe/comparison';
import type { Finding } from '@llama-probe/comparison/ask';
import type { StageId } from '@llama-probe/diff';
import { stageKey } from '@llama-probe/dump/stage';
import { emptyPageBytes, type PageChangeGroup, type PageChanges, page } from '@llama-probe/page';
import type { BeforeAfter } from '../changes/before-after.js';
import { groupChanges, inheritingText } from '../changes/groups.js';
import { pageData } from './data.js';
import { MOST_BYTES } from './html.js';

/** Two findings and what changed between them as one page. */
export function changesPage(before: Finding, after: Finding, changes: BeforeAfter): string {
  const runs = [
    { ...after, name: `after: ${after.name}` },
    { ...before, name: `before: ${before.name}` },
  ];
  const data = pageData(runs, MOST_BYTES - emptyPageBytes());
  return page({ ...data, changes: pageChanges(after.report, changes) });
}

function pageChanges({ stages }: Report, changes: BeforeAfter): PageChanges {
  const keys = (ids: readonly StageId[]): ReadonlySet<string> => new Set(ids.map(stageKey));
  const better = keys(changes.better);
  const worse = keys(changes.worse);
  const appeared = keys(changes.appeared);
  const sign = (key: string) => (worse.has(key) ? 'w' : better.has(key) ? 'b' : appeared.has(key) ? 'n' : 's');
  return {
    answer: changes.answer,
    broke: changes.broke,
    summary: changes.summary,
    differences: changes.differences.map(({ what, before, after }) => [what, before, after]),
    signs: stages.map((stage) => sign(stageKey(stage))).join(''),
    groups: [...groupsOf(changes.worse, 'worse'), ...groupsOf(changes.better, 'better')],
    vanished: changes.vanished.length,
  };
}

function groupsOf(changes: readonly StageChange[], sign: PageChangeGroup['sign']): PageChangeGroup[] {
  const { own, inherited } = groupChanges(changes, sign);
  const behind = { place: inheritingText(inherited, sign), stages: inherited, deltas: '', verdicts: '' };
  return [...own, ...(inherited > 0 ? [behind] : [])].map((group) => ({ sign, ...group }));
}
