import type { GgufFile } from '@llama-probe/engine';
import { chunksFound } from './chunks.js';
import type { Looked } from './funnel.js';
import type { ScoredPosition } from './measure.js';
import { type Spelt, stageFound, type TextReport, type WorstPosition, windowName } from './report.js';
import type { TextRun } from './run.js';
import type { Source } from './source.js';
import { pieceOf } from './token-class.js';

/** With the tokens as the model's file spells them. */
export function spelt(found: readonly ScoredPosition[], { metadata }: Pick<GgufFile, 'metadata'>): WorstPosition[] {
  const piece = pieceOf(metadata);
  const spell = (id: number): Spelt => ({ id, text: piece(id) });
  return found.map(({ window, position, kl, token, next, reference, candidate, rank, nll }) => ({
    window,
    position,
    kl,
    token: spell(token),
    next: next === undefined ? null : spell(next),
    choice: { reference: spell(reference), candidate: spell(candidate) },
    rank,
    probability: nll ? { reference: Math.exp(-nll.reference), candidate: Math.exp(-nll.candidate) } : null,
  }));
}

/** Who was compared. */
export async function aboutSides({
  file,
  source: { base },
  reference,
  candidate,
  options,
}: TextRun): Promise<Pick<TextReport, 'model' | 'reference' | 'candidate'>> {
  const about = base ? undefined : (await reference.get()).side.about;
  const { name = options.engine ?? 'unknown', version = '', backend, adapter, injected = [] } = candidate.about ?? {};
  return {
    model: { file: file.path, arch: String(file.metadata['general.architecture'] ?? 'unknown') },
    reference: about
      ? { name: about.name, version: about.version, mode: about.mode ?? 'unknown' }
      : { name: base?.path ?? '', version: '', mode: 'log-probabilities' },
    candidate: {
      name,
      version,
      ...(backend === undefined ? {} : { backend }),
      ...(adapter === undefined ? {} : { adapter }),
      ...(injected.length === 0 ? {} : { injected }),
    },
  };
}

/** The reason, with what was found on the way to the stages. */
export function withFound(reason: string, { onsets, stages }: Looked, { about: { kind }, windows }: Source): string {
  const named = (index: number) => windowName(kind, index, windows[index]?.dump);
  const begins = onsets.flatMap(({ window, tokens, position, chunks }) => [
    `In ${named(window)} it takes ${tokens} ${tokens === 1 ? 'token' : 'tokens'}, and is seen at position ${position} first.`,
    ...(chunks ? [chunksFound(tokens, chunks.sizes, chunks.used)] : []),
  ]);
  const at = stages.map(
    (found) =>
      `Up to position ${found.position} of ${named(found.window)}, ${stageFound(found, windows[found.window]?.dump)}.`,
  );
  return [reason, ...begins, ...at].filter(Boolean).join(' ');
}
