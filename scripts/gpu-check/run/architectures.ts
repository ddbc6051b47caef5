import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, dump, webgpu } from '@llama-probe/comparison';
import { keepDevices } from '@llama-probe/engine/keep';
import { counted, type Found, type Given, inOneLine, type Section } from './section.js';

/** The models of the pack, and what llama.cpp makes of them: models.json. */
export interface Models {
  readonly architectures: readonly string[];
}

/** A tiny model of every architecture: each of its stages beside llama.cpp's rows, which came with the pack. */
export const architectures: Section = {
  name: 'architectures',
  does: 'a tiny model of every architecture, each stage beside the rows of llama.cpp in the pack',
  seconds: 225,
  isCompiledFast: true,
  run: checkArchitectures,
};

async function checkArchitectures({ opened, until, pack, say }: Given): Promise<Found> {
  const folder = join(pack, 'models');
  const { architectures: names } = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8')) as Models;
  const { kind } = opened.now.info;
  opened.now.close();
  const stop = keepDevices();
  const wrong: string[] = [];
  let llama = 'llama.cpp';
  const seen: Record<string, { stages: number; closest: number }> = {};
  let closest = { ofLimit: 0, at: '' };
  for (const name of names) {
    if (Date.now() > until) break;
    say(`${name}, ${Object.keys(seen).length + 1} of ${names.length}`);
    try {
      await using engine = await webgpu(join(folder, `${name}.gguf`), { adapter: kind });
      await using reference = await dump(join(folder, `${name}.arrow`));
      llama = `${reference.about.name} ${reference.about.version}`;
      const { verdict, reason, stages, faults } = await compare(engine, reference);
      const judged = stages.filter((stage) => stage.verdict !== 'incomparable');
      for (const { stage, ofLimit } of judged) {
        if (ofLimit > closest.ofLimit) closest = { ofLimit, at: `${stage} of ${name}` };
      }
      seen[name] = { stages: judged.length, closest: judged.reduce((most, { ofLimit }) => Math.max(most, ofLimit), 0) };
      if (verdict !== 'agree') wrong.push(`${name}: ${inWords(reason, faults ?? [])}`);
    } catch (error) {
      seen[name] = { stages: 0, closest: Number.NaN };
      wrong.push(`${name}: ${inOneLine(error)}`);
    }
  }
  stop();
  const [done, left] = [Object.keys(seen).length, names.filter((name) => !seen[name])];
  const numbers = { reference: llama, architectures: seen, left };
  const cut = left.length > 0 ? `; ${left.join(', ')} left out, for want of time` : '';
  if (wrong.length > 0) {
    return { verdict: 'wrong', line: `${wrong.length} of ${done} wrong${cut}`, wrong, numbers };
  }
  if (left.length > 0) return { verdict: 'untold', line: `${done} of ${names.length} right${cut}`, wrong, numbers };
  const stages = Object.values(seen).reduce((sum, one) => sum + one.stages, 0);
  const line = `all ${done} right: ${counted(stages, 'stage')} as ${llama} computes them; the closest to its limit is ${closest.at}, at ${closest.ofLimit.toFixed(2)} of it`;
  return { verdict: 'right', line, wrong, numbers };
}

/** The stages that are wrong even with llama.cpp's inputs, or else why the runs differ. */
function inWords(
  reason: string,
  faults: ReadonlyArray<{ readonly stage: string; readonly layer: number | null }>,
): string {
  const names = [...new Set(faults.map(({ stage }) => stage))];
  const own = names.length > 0 ? `wrong with the right inputs: ${names.slice(0, 5).join(', ')}. ` : '';
  return `${own}${reason.split('. ')[0]}`;
}
