import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isLong } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { path } from './support/probe.js';

const SCRIPT = fileURLToPath(new URL('../scripts/dist/random-model.js', import.meta.url));
const ENGINE = new URL('../packages/engine/dist/index.js', import.meta.url).href;

/**
 * Opens a model while the system leaves the process so many bytes more than it has, which is lifted again before the run: what has the adapter's
 * own threads needs memory, too, and ends the process where it gets none.
 */
const child = (model: string, room: number | undefined) => `
  import { execFileSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { openEngine } from ${JSON.stringify(ENGINE)};
  const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + bytes + ':unlimited']);
  const has = () => 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
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

const run = async (model: string, room?: number) => {
  const args = ['--input-type=module', '--eval', child(model, room)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
};

// An embedding and a head of 279 MB each, and room for one of them: Vulkan says so itself.
test.runIf(isLong && process.platform === 'linux' && process.arch === 'x64')(
  'weights that the adapter refuses go to it layer by layer, and the rows are the same',
  async () => {
    const model = path('refused.gguf');
    execFileSync(process.execPath, [SCRIPT, model, '--shape', 'llama-3.2-1b', '--layers', '1', '--holes']);
    const whole = await run(model);
    expect([whole.isStreamed, whole.refused]).toEqual([false, []]);
    const streamed = await run(model, 520 << 20);
    expect(streamed.refused).toEqual(['out-of-memory', expect.stringContaining('VK_ERROR_OUT_OF_DEVICE_MEMORY')]);
    expect(streamed).toEqual({ ...whole, isStreamed: true, refused: streamed.refused });
  },
);
