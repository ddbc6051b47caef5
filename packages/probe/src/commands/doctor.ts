import { existsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { BUNDLED_MODEL, gib, type Proof, prove } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import { listAdapters, openGguf } from '@llama-probe/engine';
import { availableCores, cacheDirectory, libraryDirectory, openReference } from '@llama-probe/reference';
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
  readonly cache: string;
  /** null unless it was asked for. */
  readonly proofs: readonly Proof[] | null;
}

export interface DoctorOptions {
  prove?: boolean;
}

/** `probe doctor`. @param options.prove try out on the bundled model that the verdict can be believed */
export async function runDoctor(options: DoctorOptions, progress: Progress, signal: AbortSignal): Promise<Doctor> {
  progress.say('looking for WebGPU adapters and for llama.cpp');
  const [adapters, llama] = await Promise.all([listAdapters(), findLlama(signal)]);
  signal.throwIfAborted(); // what was not found then was not looked for
  return {
    schema: 1,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableCores(),
    memory: { total: totalmem(), free: freemem() },
    llama,
    adapters,
    chosen: adapters.find(({ found }) => found)?.kind ?? null,
    cache: cacheDirectory(),
    proofs: options.prove && llama.ok ? await prove(await openGguf(BUNDLED_MODEL), progress, signal) : null,
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
export function doctorText({ node, platform, cores, memory, llama, adapters, chosen, cache, proofs }: Doctor): string {
  const yes = color.green('✓');
  const no = color.red('✗');
  const lines = [
    `node       ${node} on ${platform}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${gib(memory.free)} of ${gib(memory.total)} of memory free`,
    `llama.cpp  ${llama.ok ? `${yes} ${llama.version}, CPU build ${llama.cpuVariant}` : `${no} ${llama.reason}`}`,
    `cache      ${cache}${existsSync(cache) ? '' : ' (not made yet)'}`,
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
  if (proofs) {
    lines.push('can the verdict be believed? On the bundled model:');
    for (const { name, ok, detail } of proofs) lines.push(`  ${ok ? yes : no} ${name}: ${detail}`);
  }
  if (chosen === null) lines.push(`${no} nothing can compute: see the remedies above.`);
  return lines.join('\n');
}
