import type { Tensor } from '@llama-probe/dump';
import { type Bug, CATALOGUE } from '@llama-probe/oracle';
import { UsageError } from '../errors.js';
import type { Computing, Injected, Injection } from './injected-run.js';
import { KvRows } from './kv-rows.js';
import { PassRows } from './pass-rows.js';
import { stageCase } from './stage-case.js';

/**
 * The catalogued bugs that have something to change in a run, in the catalogue's order.
 *
 * @param run a healthy one, with all of its stages @param ids its tokens
 */
export async function possibleBugs(
  run: AsyncIterable<Tensor>,
  computing: Computing,
  ids: readonly number[],
): Promise<Bug[]> {
  const possible = new Set<Bug>();
  const pass = new PassRows(computing.graph);
  const kv = new KvRows(computing.graph.cachedNames);
  for await (const tensor of run) {
    const { step, positions, width, values } = tensor;
    const firstPosition = positions[0] ?? 0;
    pass.add(tensor);
    kv.add(tensor, firstPosition, width, values);
    const source = { ...computing, ids, kv, rowsOf: pass.get.bind(pass) };
    const found = stageCase(tensor, { step, firstPosition, tokens: positions.length }, source);
    if (found) for (const bug of CATALOGUE) if (!possible.has(bug) && bug.example(found)) possible.add(bug);
  }
  return CATALOGUE.filter((bug) => possible.has(bug));
}

/**
 * A bug that nothing was changed by: the model has no such tensor, or the run no such step.
 *
 * @param possible asked for what could be put there instead @param possibleInLlama asked for what llama.cpp's own run could have, where the run is not llama.cpp's
 * @throws UsageError
 */
export async function refuseUnused(
  injections: readonly Injection[],
  injected: Injected,
  possible: () => Promise<readonly Bug[]>,
  possibleInLlama?: () => Promise<readonly Bug[]>,
): Promise<void> {
  const unused = injections.find((injection) => !injected.has(injection));
  if (!unused) return;
  const { bug } = unused;
  const at = unused.layer == null ? '' : `, or in layer ${unused.layer} of it`;
  const others = await possible();
  const near = others.filter(({ stages }) => stages.some((stage) => bug.stages.includes(stage)));
  const listed = (bugs: readonly Bug[]) => bugs.map(({ id }) => id).join(', ');
  const more = others.length > SOME ? `, and ${others.length - SOME} more` : '';
  const instead =
    near.length > 0
      ? `At the same stages it can have ${listed(near)}`
      : `It has no such stages; it can have ${listed(others.slice(0, SOME))}${more}`;
  const canLlama = (await possibleInLlama?.())?.includes(bug);
  const elsewhere = canLlama
    ? " llama.cpp's own run can have it: compare --candidate llama, or capture --from llama."
    : '';
  const what = `${bug.id} ("${bug.title}") has nothing to change in this model and run${at}`;
  throw new UsageError(
    `--inject: ${what}${bug.needs ? `; it needs ${bug.needs}` : ''}.${elsewhere} ${instead}. probe bugs --run --model FILE tries all of them.`,
  );
}

/** Of a hundred bugs, as many as one reads. */
const SOME = 12;
