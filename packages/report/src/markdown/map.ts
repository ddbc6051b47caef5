import type { Report } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import { ranges } from '../words.js';
import { details, shorten } from './text.js';

/**
 * What a stage is. GitHub shows no inline SVG and no image that is written into the text (`data:`), neither in a comment nor in a job
 * summary; emoji it shows everywhere. What is wrong has a shape of its own, not only a colour.
 */
const SIGNS = {
  absent: ['⬜', 'not compared'],
  agree: ['🟦', 'agrees'],
  inherited: ['🟨', 'inherits'],
  incomparable: ['❓', 'could not be compared'],
  over: ['🔶', 'over its limit'],
  fault: ['❌', 'fault of its own'],
} as const;

type State = keyof typeof SIGNS;

/** From what nobody asks for to what must be seen. */
const RANK = Object.keys(SIGNS) as State[];

const LONGEST_NAME = 24;
const MOST_ROWS = 60;

/** Stages × layers as rows of signs, of each the worst step; empty where nothing was compared. */
export function map(report: Report): string {
  const { stages, verdict } = report;
  if (stages.length === 0) return '';
  const layers = [...new Set(stages.flatMap(({ layer }) => layer ?? []))].sort((a, b) => a - b);
  const names = [...new Set(stages.map(({ stage }) => stage))];
  const worst = worstByPlace(report);
  const stateAt = (stage: string, layer: number | null) => worst.get(placeKey({ stage, layer }));
  const width = Math.max(...names.map((name) => nameText(name).length));
  const rows = names.slice(0, MOST_ROWS).map((name) => {
    const ofModel = stateAt(name, null);
    const cells = ofModel ? [ofModel] : layers.map((layer) => stateAt(name, layer) ?? 'absent');
    return `${nameText(name).padEnd(width)}  ${cells.map((state) => SIGNS[state][0]).join('')}`;
  });
  const seen = RANK.filter((state) => [...worst.values()].includes(state));
  const legend = seen.map((state) => SIGNS[state].join(' ')).join(', ');
  const title = layers.length === 0 ? 'Stages' : `Stages, and to the right layers ${ranges(layers)}`;
  const more = names.length > MOST_ROWS ? [`… and ${names.length - MOST_ROWS} more`] : [];
  const picture = ['```', ...rows, ...more, '```'].join('\n');
  // Where all is well, it is there for who wants to see it.
  return verdict === 'agree' ? details(`${title}: ${legend}`, picture) : `**${title}**: ${legend}\n\n${picture}`;
}

function worstByPlace({ stages, faults }: Report): Map<string, State> {
  const wrong = new Set(
    (faults ?? []).flatMap(({ steps, layer, stage }) => steps.map((step) => stageKey({ step, layer, stage }))),
  );
  const stateOf = (stage: StageResult): State => {
    if (wrong.has(stageKey(stage))) return 'fault';
    if (stage.verdict !== 'diverged') return stage.verdict;
    return stage.inherits ? 'inherited' : 'over';
  };
  const worst = new Map<string, State>();
  for (const stage of stages) {
    const [key, state] = [placeKey(stage), stateOf(stage)];
    if (RANK.indexOf(state) > RANK.indexOf(worst.get(key) ?? 'absent')) worst.set(key, state);
  }
  return worst;
}

/** A name may be anything: here it must neither end the block that it stands in nor begin a line with what a CI obeys, such as `::error`. */
const nameText = (name: string): string => shorten(name.replace(/[^\p{L}\p{N}_./-]/gu, '·'), LONGEST_NAME);
