import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isLong } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { path } from './support/probe.js';

const SCRIPT = fileURLToPath(new URL('../scripts/dist/random-model.js', import.meta.url));
const ENGINE = new URL('../packages/engine/dist/', import.meta.url).href;

/** What a child has to leave itself so many bytes more than it has, until that is lifted. */
const LIMITS = `
  import { execFileSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + bytes + ':unlimited']);
  const has = () => 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
`;

/**
 * Opens a model while the system leaves the process so many bytes more than it has, which is lifted again before the run: what has the adapter's
 * own threads needs memory, too, and ends the process where it gets none.
 */
const opens = (model: string, room: number | undefined) => `
  import { openEngine } from ${JSON.stringify(`${ENGINE}index.js`)};
  const refused = [];
  let isFirst = ${room !== undefined};
  const engine = await openEngine({
    model: ${JSON.stringify(model)},
    adapter: 'swiftshader',
    aroundUpload: async (upload) => {
      if (isFirst) limit(has() + ${room});
      isFirst = false;
      return upload().catch((error) => {
        refused.push(error.code, error.message);
        throw error;
      });
    },
  });
  limit('unlimited');
  const rows = [];
  const { tensors, result } = engine.run({ tokens: [1, 2, 3], steps: 1, hook: { record: ({ stage }) => stage === 'l_out' } });
  for await (const { values } of tensors) rows.push([...values]);
  console.log(JSON.stringify({ refused, isStreamed: engine.isStreamed, rows, generated: (await result).generated }));
  engine.close();
`;

/** Tries out blocks, first with room for what they are tried out with once, as it is on the host, and then with room for all. */
const TRIES_OUT = `
  import { fastest, openAdapter } from ${JSON.stringify(`${ENGINE}internal.js`)};
  const opened = await openAdapter({ adapter: 'swiftshader' });
  const blocks = [{ rows: 4, tokens: 1 }, { rows: 2, tokens: 1 }];
  const tryOut = () => fastest({ ...opened, info: { ...opened.info, class: 'gpu' } }, 'F32', 1, blocks);
  limit(has() + (100 << 20));
  const withoutRoom = await tryOut();
  limit('unlimited');
  const withRoom = await tryOut();
  opened.check();
  console.log(JSON.stringify([withoutRoom ?? 'none', blocks.includes(withRoom)]));
`;

const run = async (code: string) => {
  const args = ['--input-type=module', '--eval', LIMITS + code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
};

// An embedding and a head of 279 MB each, and room for one of them: Vulkan says so itself.
test.runIf(isLong && process.platform === 'linux' && process.arch === 'x64')(
  'weights that the adapter refuses go to it layer by layer, and the rows are the same',
  async () => {
    const model = path('refused.gguf');
    execFileSync(process.execPath, [SCRIPT, model, '--shape', 'llama-3.2-1b', '--layers', '1', '--holes']);
    const whole = await run(opens(model, undefined));
    expect([whole.isStreamed, whole.refused]).toEqual([false, []]);
    const streamed = await run(opens(model, 520 << 20));
    expect(streamed.refused).toEqual(['out-of-memory', expect.stringContaining('VK_ERROR_OUT_OF_DEVICE_MEMORY')]);
    expect(streamed).toEqual({ ...whole, isStreamed: true, refused: streamed.refused });
  },
);

test.runIf(isLong && process.platform === 'linux' && process.arch === 'x64')(
  'blocks are not tried out where the adapter has no room for it',
  async () => {
    expect(await run(TRIES_OUT)).toEqual(['none', true]);
  },
);
