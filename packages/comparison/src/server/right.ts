import type { GgufFile } from '@llama-probe/engine';
import type { Progress } from '../progress.js';
import { Mean } from '../text/estimate.js';
import { limitsOf } from '../text/limits.js';
import { logitsOf } from '../text/logits.js';
import { LazyReference, type TextReference } from '../text/reference.js';
import type { Asked } from './asking.js';
import { ask, modelOf } from './asking.js';
import { causesOf, type OtherTokens } from './causes.js';
import type { Client } from './client.js';
import { floorOfServer, logPOf, type MeasuredFloor, ruledIn, UNMEASURED } from './floor.js';
import { limitAt, type Measured } from './measure.js';
import type { ServerOptions } from './options.js';
import type { Question } from './question.js';
import type { ServerCause, ServerReport } from './report.js';
import { heldTo, type LogP, type Sparse, sparseLogP } from './sparse.js';
import type { Spelling } from './spelling.js';

/** What a reference says after a position. */
export interface RightRow {
  readonly logP: LogP;
  /** The ids that it says something of, … */
  readonly ids: Iterable<number>;
  /** … and the likeliest of them. */
  readonly top: number | undefined;
}

/** Whoever a server is held to, after it has run the server's tokens. */
export interface Right {
  readonly about: ServerReport['reference'];
  row(position: number): RightRow | undefined;
  floor(): Promise<MeasuredFloor>;
  /** What is known to make the server's numbers of right ones. */
  causes(measured: readonly Measured[], limits: MeasuredFloor['limits']): Promise<readonly ServerCause[]>;
  close(): Promise<void>;
}

interface Run {
  readonly file: GgufFile;
  readonly options: ServerOptions;
  /** The prompt, and what the server decoded. */
  readonly tokens: readonly number[];
  readonly asked: Asked;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** llama.cpp on this machine, with all of its logits. */
export async function llamaRight(run: Run, others: readonly OtherTokens[]): Promise<Right> {
  const { file, options, tokens, asked, progress, signal } = run;
  const lazy = new LazyReference(file, options, progress, signal);
  const logits = async ({ side }: TextReference, of: readonly number[], last: number) =>
    logitsOf(side, { tokens: of, first: 0, last, signal });
  try {
    const reference = await lazy.get();
    progress.say(`llama.cpp runs the ${tokens.length} tokens`);
    const rows = await logits(reference, tokens, tokens.length - 1);
    const { name, version, mode = 'unknown' } = reference.side.about;
    return {
      about: { name, version, mode },
      row(position) {
        const row = rows.get(position);
        if (!row) return undefined;
        const top = row.reduce((best, one, id) => (one > (row[best] as number) ? id : best), 0);
        return { logP: logPOf(row), ids: row.keys(), top };
      },
      floor: () => floorOfServer(reference, file, options, tokens, asked.rows, rows, progress, signal),
      causes: (measured, limits) =>
        causesOf(
          measured.map((one) => ({
            ...one,
            limit: limitAt(one, limits),
            before: tokens.slice(0, one.position + 1),
            logits: rows.get(one.position) as Float32Array,
          })),
          others,
          (other) => logits(reference, other, other.length - 1),
        ),
      close: () => lazy.close(),
    };
  } catch (error) {
    await lazy.close();
    throw error;
  }
}

/** Another server, which is asked for the same tokens; both are asked twice, for the floor. */
export async function serverRight(
  { options, tokens, asked, progress }: Run,
  question: Question,
  { client, other, spelling }: { client: Client; other: Client; spelling: Spelling },
): Promise<Right> {
  const forced = { ...question, tokens, message: undefined, steps: 0, model: await modelOf(other) };
  const theirs = await ask(other, forced, spelling, progress);
  const { precision = 'auto' } = options;
  return {
    about: { name: other.address, version: '', mode: formName(theirs) },
    row(position) {
      const row = theirs.rows.get(position);
      return row && { logP: sparseLogP(row), ids: row.ids, top: row.top };
    },
    async floor() {
      const again = [
        [theirs, await ask(other, forced, spelling, progress)],
        [asked, await ask(client, question, spelling, progress)],
      ] as const;
      const kl = new Mean();
      let max = 0;
      for (const [one, two] of again) {
        for (const [position, row] of commonRows(one, two)) {
          const held = heldTo(row, sparseLogP(one.rows.get(position) as Sparse));
          if (!held) continue;
          kl.add(held.kl);
          max = Math.max(max, held.kl);
        }
      }
      const limits = limitsOf(ruledIn(UNMEASURED[precision], options), kl, max);
      const mean = kl.count === 0 ? null : kl.estimate().value;
      return {
        floor: { method: 'each server asked twice', meanKl: mean, maxKl: kl.count === 0 ? null : max },
        limits,
      };
    },
    causes: async () => [],
    close: async () => {},
  };
}

/** Those of a second answer, as far as both decoded the same. */
function commonRows(one: Asked, two: Asked): [number, Sparse][] {
  const differs = one.generated.findIndex((id, i) => two.generated[i] !== id);
  const decoded = one.rows.size === 0 ? 0 : Math.max(...one.rows.keys()) + 1 - one.generated.length;
  return [...two.rows].filter(([position]) => one.rows.has(position) && (differs < 0 || position <= decoded + differs));
}

const formName = ({ form }: Asked): string => `${form.path} with ${form.prompt}`;
