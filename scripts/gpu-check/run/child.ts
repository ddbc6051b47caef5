/** One section, in a process of its own: a driver that crashes takes nothing else along. */
import { type AdapterKind, NoAdapterError, openAdapter } from '@llama-probe/engine/internal';
import { randomFrom } from '@llama-probe/testing';
import type { Asked, Told } from './alone.js';
import { Reopened } from './section.js';
import { SECTIONS } from './sections.js';

const tell = (told: Told) => process.send?.(told);
process.on('disconnect', () => process.exit()); // whoever started it is gone

process.once('message', async (asked: Asked) => {
  try {
    tell(asked.section === 'adapter' ? await adapter(asked.adapter) : await section(asked));
  } catch (error) {
    tell({ failure: (error as Error).message });
  }
  process.disconnect();
});

async function adapter(kind: AdapterKind | 'auto'): Promise<Told> {
  try {
    const opened = await openAdapter({ adapter: kind });
    return { adapter: { info: opened.info } };
  } catch (error) {
    if (error instanceof NoAdapterError) return { adapter: { message: error.message, tried: error.tried } };
    throw error;
  }
}

async function section({ section: name, adapter: kind, seed, until, pack, scratch }: Asked): Promise<Told> {
  const found = SECTIONS.find((one) => one.name === name);
  if (!found) throw new Error(`there is no section ${name}`);
  const say = (progress: string) => tell({ progress });
  const opened = await Reopened.with(() => openAdapter({ adapter: kind }));
  return { found: await found.run({ opened, random: randomFrom(seed), until, pack, scratch, say }) };
}
