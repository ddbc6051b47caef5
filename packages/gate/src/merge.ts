import { UsageError, VERSION } from '@llama-probe/comparison/ask';
import { readResult } from './read-result.js';
import { type GateResult, goneNotes, type KnownUse, overall } from './result.js';
import { casesOfShard } from './shard.js';

interface Part {
  readonly path: string;
  readonly result: GateResult;
}

/** `probe merge RESULT…`: the shards of a gate as one. @throws UsageError where they are not all of one gate's, each once */
export function runMerge(paths: readonly string[]): GateResult {
  const parts = paths.map((path) => ({ path, result: read(path) }));
  const [first, ...others] = parts as [Part, ...Part[]];
  for (const other of others) refuseOther(first, other);
  const ordered = inOrder(parts, first);
  const cases = dealtBack(ordered.map(({ result }) => result));
  const known = first.result.known.map((entry, i): KnownUse => {
    const sum = (which: 'applied' | 'used' | 'untold') =>
      ordered.reduce((total, { result }) => total + (result.known[i]?.[which] ?? 0), 0);
    return { ...entry, applied: sum('applied'), used: sum('used'), untold: sum('untold') };
  });
  const { config, only, total, names, notes } = first.result;
  // A single part has said it already.
  const gone = ordered.length > 1 && cases.length === total ? goneNotes(known) : [];
  return {
    schema: 1,
    kind: 'gate',
    version: VERSION,
    ...overall(cases),
    config,
    shard: null,
    only,
    adapter: shared(ordered, 'adapter'),
    commit: shared(ordered, 'commit'),
    total,
    names,
    cases,
    known,
    notes: [...notes, ...gone],
    timings: { total: ordered.reduce((sum, { result }) => sum + (result.timings.total ?? 0), 0) },
  };
}

/** What all parts say; null where they differ. */
function shared(parts: readonly Part[], key: 'adapter' | 'commit'): string | null {
  const [first, ...others] = parts.map(({ result }) => result[key]);
  return first !== undefined && others.every((other) => other === first) ? first : null;
}

function read(path: string): GateResult {
  const result = readResult(path);
  refuseLost(path, result);
  return result;
}

/** Cases that were cut out of a file must not be taken for cases that agree. */
function refuseLost(path: string, { names, cases, shard }: GateResult): void {
  const own = shard ? casesOfShard(names, shard) : names;
  const same = own.length === cases.length && cases.every(({ name }, i) => name === own[i]);
  if (same) return;
  const gone = own.filter((name) => !cases.some((one) => one.name === name));
  const what = gone.length > 0 ? `lacks ${gone.join(', ')}` : 'has others, or another order';
  throw new UsageError(
    `${path}: has ${cases.length} cases of the ${own.length} that were its own: it ${what}. Run that part again; with --resume it goes on where it was cut off.`,
  );
}

function refuseOther({ path, result }: Part, other: Part): void {
  const compared = [
    ['configuration', result.config.hash.slice(0, 12), other.result.config.hash.slice(0, 12)],
    ['set of prompts or baselines', result.config.inputs.slice(0, 12), other.result.config.inputs.slice(0, 12)],
    ['list of cases', result.names.join(', '), other.result.names.join(', ')],
    ['version of llama-probe', result.version, other.result.version],
    ['number of shards', result.shard?.count ?? 'none', other.result.shard?.count ?? 'none'],
    ['choice of cases', result.only ?? 'all', other.result.only ?? 'all'],
  ] as const;
  for (const [what, ours, theirs] of compared) {
    if (ours === theirs) continue;
    throw new UsageError(
      `${other.path}: has another ${what} than ${path}: ${theirs}, and ${ours}. Merge the results of one run of the jobs, on one commit.`,
    );
  }
}

/** The parts from the first shard to the last. */
function inOrder(parts: readonly Part[], { path, result }: Part): readonly Part[] {
  if (!result.shard) {
    if (parts.length === 1) return parts;
    throw new UsageError(`${path}: holds all cases, not a shard; there is nothing to merge it with.`);
  }
  const { count } = result.shard;
  const shards = Array.from({ length: count }, (_, i) => parts.filter(({ result }) => result.shard?.index === i + 1));
  const twice = shards.find((same) => same.length > 1);
  if (twice) {
    const names = twice.map(({ path }) => path).join(' and ');
    throw new UsageError(`${names} are both shard ${twice[0]?.result.shard?.index}/${count}; give each once.`);
  }
  const missing = shards.flatMap((same, i) => (same.length === 0 ? [`${i + 1}/${count}`] : []));
  if (missing.length > 0) {
    throw new UsageError(
      `shard${missing.length > 1 ? 's' : ''} ${missing.join(', ')} missing: ${parts.length} of ${count} results were given. What was not run cannot be called right.`,
    );
  }
  return shards.flat();
}

/** Cases are dealt to the shards in turns; this takes them back in the order of the configuration. */
function dealtBack(results: readonly GateResult[]): GateResult['cases'] {
  const most = Math.max(...results.map(({ cases }) => cases.length));
  return Array.from({ length: most }, (_, round) => results.flatMap(({ cases }) => cases[round] ?? [])).flat();
}
