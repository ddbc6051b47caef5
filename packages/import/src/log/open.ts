import { basename } from 'node:path';
import { DumpError, MOST_LAYERS, openFile, type RecordedRun } from '@llama-probe/dump';
import { placeKey } from '@llama-probe/dump/stage';
import { damaged, unsupported } from '../errors.js';
import { listed } from '../names/place-arrays.js';
import type { OpenOptions } from '../run.js';
import { asPrinted, excerptOf } from './excerpt.js';
import { linesOf } from './lines.js';
import { headOf, NodeReader, type PrintedNode } from './printed.js';
import { type Pass, type PrintedStage, rowsOf } from './rows.js';
import { type StageOfLog, stageOf } from './stages.js';
import { TokenLines } from './token-ids.js';

const LARGEST = 128 << 20; // bytes: a model of 100 layers takes about 40 MB
const CHATTER = 4 << 20; // bytes of other messages before the first node
const MOST_TOKENS = 1 << 24;

/** Whether a text has nodes as llama.cpp's debug callback prints them, after what is printed while a model is loaded. */
export async function isLog(path: string): Promise<boolean> {
  for await (const line of linesOf(path, CHATTER)) if (headOf(line)) return true;
  return false;
}

/**
 * What llama.cpp's `llama-eval-callback` and `llama-debug` print: of each node the first and last values and the sum. It is an excerpt of a run, and can be held to another one.
 *
 * @throws DumpError where nodes and their values do not fit together
 */
export async function openLog(path: string, { tokens = [], tokensFrom }: OpenOptions): Promise<RecordedRun> {
  const bytes = await sizeOf(path);
  const { nodes, ids } = await readNodes(path);
  const known = ids ?? tokens;
  const { passes, skipped } = passesOf(nodes, known, tokensFrom !== undefined, path);
  const { stages, left } = stagesOf(nodes, passes);
  if (stages.length === 0) {
    throw unsupported(path, `has ${nodes.length} nodes, none of which is a stage`, 'Print without --tensor-filter.');
  }
  const count = passes.reduce((sum, pass) => Math.max(sum, pass ? pass.first + pass.tokens : 0), 0);
  const digits = Math.round(-Math.log10(2 * (stages[0] as PrintedStage).half));
  const run: RecordedRun = {
    path,
    bytes,
    metadata: {
      producer: { name: basename(path), version: '' },
      tokens: tokensFrom === undefined ? [...known] : known.slice(0, count),
    },
    notes: [
      "format: llama.cpp's log",
      `the first and last values of ${stages.length} stages, printed with ${digits} digits behind the point: each is taken for the number nearest to the other run's that is printed so`,
      'sums of all values are stages of their own, such as sum of l_out',
      ...(skipped > 0
        ? [`left out: ${skipped === 1 ? 'a pass' : `${skipped} passes`} before the last one, such as a warm-up`]
        : []),
      ...listed('left out, since no dimension is the tokens', left),
      ids
        ? `token ids: its own, ${ids.length}`
        : `token ids: it has none${tokensFrom ? `; those of ${tokensFrom} were taken` : ''}`,
    ],
    tensors: async function* () {
      for (const stage of stages) yield asPrinted(stage);
    },
    close: async () => {},
  };
  return { ...run, excerpt: excerptOf(run, stages) };
}

async function sizeOf(path: string): Promise<number> {
  const file = await openFile(path);
  const { size } = await file.stat().finally(() => file.close());
  if (size <= LARGEST) return size;
  throw unsupported(path, `is a log of ${size} bytes; read are ${LARGEST}`, 'Print one pass of the prompt only.');
}

async function readNodes(path: string) {
  const nodes: PrintedNode[] = [];
  const reader = new NodeReader(path);
  const ids = new TokenLines();
  for await (const line of linesOf(path)) {
    const node = reader.add(line);
    if (node) nodes.push(node);
    ids.add(line);
  }
  const last = reader.end();
  if (last) nodes.push(last);
  return { nodes, ids: ids.result() };
}

/** Which pass each node is of; undefined of those that are left out. */
function passesOf(nodes: readonly PrintedNode[], known: readonly number[], isOthers: boolean, path: string) {
  const counts: number[] = [];
  const passOf = nodes.map(({ op, sources, ne }) => {
    if (op === 'GET_ROWS' && sources.some((name) => name.endsWith('token_embd.weight'))) counts.push(ne[1]);
    return Math.max(0, counts.length - 1);
  });
  if (counts.length === 0) counts.push(known.length || mostRows(nodes));
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (!(all <= MOST_TOKENS)) throw damaged(path, `has passes over ${all} tokens`);
  const fits = known.length === 0 || all === known.length || (isOthers && all < known.length);
  const isLast = !fits && counts.at(-1) === known.length;
  if (!fits && !isLast) {
    const what = `its passes are over ${counts.join(', ')} tokens, and ${known.length} are said to have been run`;
    throw new DumpError('dump-tokens', `${path}: ${what}. Give those that it ran with --tokens.`);
  }
  const skipped = isLast ? counts.length - 1 : 0;
  let first = 0;
  const made = counts.map((tokens, i): Pass | undefined => {
    if (i < skipped) return undefined;
    const pass = { first, tokens };
    first += tokens;
    return pass;
  });
  return { passes: passOf.map((index) => made[index]), skipped };
}

/** The number of rows that most nodes have: of a log without the embedding. */
function mostRows(nodes: readonly PrintedNode[]): number {
  const votes = new Map<number, number>();
  for (const { ne } of nodes) if (ne[2] === 1 && ne[3] === 1) votes.set(ne[1], (votes.get(ne[1]) ?? 0) + 1);
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 1;
}

function stagesOf(nodes: readonly PrintedNode[], passes: readonly (Pass | undefined)[]) {
  const left: string[] = [];
  const stages: PrintedStage[] = [];
  const seen = new Map<string, number>();
  for (const [i, node] of nodes.entries()) {
    const [pass, next] = [passes[i], nodes[i + 1]];
    const own = pass && stageOf(node, next);
    if (!pass || !own || (own.layer ?? 0) >= MOST_LAYERS) continue;
    const stage = rowsOf(node, { ...own, stage: unique(own, pass, seen) }, i, pass);
    if (stage) stages.push(stage);
    else left.push(node.name);
  }
  stages.sort((a, b) => a.order - b.order);
  return { stages, left };
}

/** Some architectures give two nodes of a layer one name; captures call the second `name.2`. */
function unique(place: StageOfLog, { first }: Pass, seen: Map<string, number>): string {
  const key = `${first}/${placeKey(place)}`;
  const count = (seen.get(key) ?? 0) + 1;
  seen.set(key, count);
  return count === 1 ? place.stage : `${place.stage}.${count}`;
}
