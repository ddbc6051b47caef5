import { existsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { basename } from 'node:path';
import { BUNDLED_MODEL, gib, type Proof, prove } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import { knownBlocks, listAdapters, openGguf } from '@llama-probe/engine';
import {
  availableCores,
  bytesText,
  cacheDirectory,
  cachedModels,
  cacheLimit,
  clearCache,
  libraryDirectory,
  openReference,
} from '@llama-probe/reference';
import { color } from '@llama-probe/report';

/** What this machine has, what would be chosen and why, and what is missing. */
export interface Doctor {
  readonly schema: 1;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  readonly memory: { readonly total: number; readonly free: number };
  readonly llama:
    | { readonly ok: true; readonly version: string; readonly cpuVariant: string; readonly directory: string }
    | { readonly ok: false; readonly reason: string };
  readonly adapters: Awaited<ReturnType<typeof listAdapters>>;
  readonly chosen: string | null;
  /**
   * What was tried out on that adapter: for products of weights of a type with so many tokens (`5-8`), a thread is fastest with so many rows and at most
   * so many tokens at a time; on a GPU a workgroup, a subgroup or a tile.
   */
  readonly blocks: readonly {
    readonly type: string;
    readonly tokens: string;
    readonly rows: number;
    readonly most: number;
    readonly by?: 'workgroup' | 'subgroup' | 'tile';
  }[];
  readonly cache: string;
  /** What is kept there; null unless it was asked for. */
  readonly cached: Cached | null;
  /** How many bytes of made models were removed; null unless that was asked for. */
  readonly cleared: number | null;
  /** null unless it was asked for. */
  readonly proofs: readonly Proof[] | null;
}

/** The made models, the one that was used last first. */
export interface Cached {
  /** How many bytes they may have together: beyond that the least recently used go when another is made. */
  readonly limit: number;
  readonly bytes: number;
  readonly models: readonly { readonly file: string; readonly bytes: number; readonly used: string }[];
}

export interface DoctorOptions {
  prove?: boolean;
  cache?: boolean;
  clearCache?: boolean;
}

/**
 * `probe doctor`.
 *
 * @param options.prove try out on the bundled model that the verdict can be believed
 * @param options.cache list what is kept between runs @param options.clearCache remove it
 * @throws QuantizeError where LLAMA_PROBE_CACHE_LIMIT is no number
 */
export async function runDoctor(options: DoctorOptions, progress: Progress, signal: AbortSignal): Promise<Doctor> {
  progress.say('looking for WebGPU adapters and for llama.cpp');
  const [adapters, llama] = await Promise.all([listAdapters(), findLlama(signal)]);
  signal.throwIfAborted(); // what was not found then was not looked for
  const chosen = adapters.find(({ found }) => found);
  return {
    schema: 1,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableCores(),
    memory: { total: totalmem(), free: freemem() },
    llama,
    adapters,
    chosen: chosen?.kind ?? null,
    blocks: chosen?.info ? [...knownBlocks(chosen.info)].map(([key, block]) => describeBlock(key, block)) : [],
    cache: cacheDirectory(),
    cached: options.cache ? await listCached() : null,
    cleared: options.clearCache ? await clearCache() : null,
    proofs: options.prove && llama.ok ? await prove(await openGguf(BUNDLED_MODEL), progress, signal) : null,
  };
}

function describeBlock(
  key: string,
  { rows, tokens: most, by }: { rows: number; tokens: number; by?: 'workgroup' | 'subgroup' | 'tile' },
): Doctor['blocks'][number] {
  const [type, tokens] = key.split(' ') as [string, string];
  return { type, tokens, rows, most, ...(by ? { by } : {}) };
}

async function listCached(): Promise<Cached> {
  const models = await cachedModels();
  return {
    limit: await cacheLimit(),
    bytes: models.reduce((sum, { bytes }) => sum + bytes, 0),
    models: models.map(({ path, bytes, used }) => ({ file: path, bytes, used: used.toISOString() })),
  };
}

async function findLlama(signal: AbortSignal): Promise<Doctor['llama']> {
  try {
    const reference = await openReference({ model: BUNDLED_MODEL, mode: 'native', signal });
    const { version, cpuVariant } = reference.info;
    await reference.close();
    return { ok: true, version, cpuVariant, directory: libraryDirectory() };
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}

/** The same as text. */
export function doctorText({
  node,
  platform,
  cores,
  memory,
  llama,
  adapters,
  chosen,
  blocks,
  cache,
  ...asked
}: Doctor): string {
  const yes = color.green('✓');
  const no = color.red('✗');
  const lines = [
    `node       ${node} on ${platform}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${gib(memory.free)} of ${gib(memory.total)} of memory free`,
    `llama.cpp  ${llama.ok ? `${yes} ${llama.version}, CPU build ${llama.cpuVariant}` : `${no} ${llama.reason}`}`,
    `cache      ${cache}${existsSync(cache) ? '' : ' (not made yet)'}`,
    ...cacheLines(asked),
    'adapters, in the order in which they are tried:',
  ];
  for (const { kind, found, info, reason, remedy } of adapters) {
    const name = info ? `${info.name}, ${info.backend}, ${info.level} level` : reason;
    lines.push(
      `  ${found ? yes : no} ${kind.padEnd(12)}${name}${kind === chosen ? color.bold('  ← chosen: the first that works') : ''}`,
    );
    if (found && info) {
      const { maxStorageBufferBindingSize, maxComputeInvocationsPerWorkgroup } = info.limits;
      lines.push(
        `    ${''.padEnd(12)}bindings of ${gib(maxStorageBufferBindingSize)}, ${maxComputeInvocationsPerWorkgroup} invocations a workgroup`,
      );
    } else if (remedy) {
      lines.push(`    ${''.padEnd(12)}${remedy}`);
    }
  }
  for (const type of new Set(blocks.map((one) => one.type))) {
    const tried = blocks.filter((one) => one.type === type).map(blockText);
    lines.push(`    ${''.padEnd(12)}tried out for ${type}: ${tried.join(', ')}`);
  }
  const { proofs } = asked;
  if (proofs) {
    lines.push('can the verdict be believed? On the bundled model:');
    for (const { name, ok, detail } of proofs) lines.push(`  ${ok ? yes : no} ${name}: ${detail}`);
  }
  if (chosen === null) lines.push(`${no} nothing can compute: see the remedies above.`);
  return lines.join('\n');
}

/** Such as `16 × 8 for 5–8 tokens`, rows × tokens a thread, and of a GPU `4 × 1 in a subgroup for 1 token`. */
function blockText({ tokens, rows, most, by }: Doctor['blocks'][number]): string {
  const of = tokens === 'more' ? 'more tokens' : tokens === '1' ? '1 token' : `${tokens.replace('-', '–')} tokens`;
  return `${rows} × ${most}${by ? ` in a ${by}` : ''} for ${of}`;
}

function cacheLines({ cached, cleared }: Pick<Doctor, 'cached' | 'cleared'>): string[] {
  if (cleared !== null) return [`           emptied: ${bytesText(cleared)} of made models removed`];
  if (cached === null) return [];
  const { models, bytes, limit } = cached;
  const count = models.length === 1 ? '1 made model' : `${models.length} made models`;
  return [
    `           ${count}, ${bytesText(bytes)} of ${bytesText(limit)} (LLAMA_PROBE_CACHE_LIMIT); --clear-cache removes them`,
    ...models.map(
      (one) => `             ${bytesText(one.bytes).padStart(7)}  ${one.used.slice(0, 10)}  ${basename(one.file)}`,
    ),
  ];
}
