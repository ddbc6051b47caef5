import { inShort, isLong } from '@llama-probe/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { argumentsOf, commandsOf, readPage, shownIn, squeezed } from './support/page-commands.js';
import type { Ended } from './support/probe.js';
import { DECODED, FIRST, Reader, TOKENS } from './support/reader.js';
import { copyArrays } from './support/safetensors.js';
import { probe, probeJson } from './support/session.js';

const PAGE = readPage('docs/find-a-divergence.md');

/** What each command of the page ends with, and says. `also` is who claims the same where not everything is run. */
const COMMANDS: Readonly<
  Record<string, { readonly code: number; readonly says: string | RegExp; readonly also?: string }>
> = {
  'probe doctor --prove': { code: 0, says: /^can the verdict be believed\?.*\n( {2}✓ .*\n)+/m },
  'probe compare --model model.gguf --prompt Hello': { code: 0, says: '✓ agree', also: 'test/compare.test.ts' },
  'probe weights --model model.gguf': { code: 0, says: '✓ The dequantisation is right' },
  'probe capture --from llama --model model.gguf --prompt "What is 2 plus 3?" --steps 0 --out reference.arrow --json': {
    code: 0,
    says: `"tokens":[${TOKENS}]`,
  },
  'probe tokenize --model model.gguf --prompt "What is 2 plus 3?"': { code: 0, says: `ids:  ${TOKENS}` },
  [`probe capture --from llama --model model.gguf --tokens ${TOKENS} --steps 0 --stages embd,l_out,result_output --out small.arrow`]:
    { code: 0, says: '6 tensors' },
  'probe inspect mine.safetensors --stage l_out --layer 0 --values 4': {
    code: 0,
    says: "names: llama.cpp's names (6)",
  },
  'probe diff mine.safetensors reference.arrow --model model.gguf': { code: 1, says: 'The error begins between' },
  'probe blame mine.safetensors --model model.gguf': {
    code: 1,
    says: 'The error begins between',
    also: 'test/blame.test.ts', // and the diff above
  },
  'probe compare --engine "node mine.mjs" --model model.gguf --prompt "What is 2 plus 3?" --steps 4': {
    code: 0,
    says: '✓ agree: All 355 stages agree',
  },
  'probe check mine.safetensors --model model.gguf': { code: 0, says: '✓ finite' },
  'probe compare --prompt "What is 2 plus 3?" --steps 3 --inject rope-halves': {
    code: 1,
    says: '✗ diverged: RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3',
    also: 'test/faults.test.ts', // of the kernel itself; test/catalogue.test.ts injects it
  },
  'probe repeat first.safetensors second.safetensors': { code: 0, says: 'the same to the bit' },
  [`probe capture --from llama --model model.gguf --tokens ${TOKENS},${DECODED} --steps 0 --out whole.arrow`]: {
    code: 0,
    says: '80 tensors',
  },
  'probe diff decoded.safetensors whole.arrow --model model.gguf': { code: 0, says: '✓ agree: All 71 stages agree' },
  'probe itself --engine "node mine.mjs" --model model.gguf --prompt "What is 2 plus 3?" --steps 4': {
    code: 0,
    says: '✓ agree: All 13 tokens are the same in prefill and in steps',
  },
};

let reader: Reader;
beforeAll(async () => {
  reader = new Reader();
  await reader.capture();
});

/** The fenced outputs of the page: of a dump of three stages, and of one with a layer's stages more. */
const [between = '', at = ''] = [...PAGE.matchAll(/^```\n(✗.*?)^```$/gms)].map(([, block]) => block);

describe('docs/find-a-divergence.md', () => {
  test('has these commands', () => {
    expect(commandsOf(PAGE)).toEqual(Object.keys(COMMANDS));
  });

  /** What came of a command: each is run once. */
  const runs = new Map<string, Promise<Ended>>();
  const run = (command: string): Promise<Ended> => {
    const running = runs.get(command) ?? probe(argumentsOf(command, reader.folder));
    runs.set(command, running);
    return running;
  };

  const few = Object.entries(COMMANDS).filter(([, { also }]) => isLong || also === undefined);
  test.each(few)('%s', async (command, { code, says }) => {
    const ended = await run(command);
    expect(ended.code, `${ended.stdout}${ended.stderr}`).toBe(code);
    expect(ended.stdout).toMatch(says);
  });

  const compare = async (dump: string) =>
    squeezed((await run(`probe diff ${dump} reference.arrow --model model.gguf`)).stdout);

  test('after three stages the error begins between two, and the stages that are asked for name it', async () => {
    const three = await compare('mine.safetensors');
    expect(shownIn(between).length).toBeGreaterThan(2);
    for (const piece of shownIn(between)) expect(three).toContain(piece);
    const [, stages = '', layer] = /--stages (\S+) --layers (\d+)/.exec(three) ?? [];
    const wanted = new Set(stages.split(',').map((stage) => `${stage}-${layer}`));
    reader.keepOnly('sick.safetensors', 'more.safetensors', (name) => FIRST.test(name) || wanted.has(name));
    const more = await compare('more.safetensors');
    expect(shownIn(at).length).toBeGreaterThan(3);
    for (const piece of shownIn(at)) expect(more).toContain(piece);
  });

  test("Hugging Face's last hidden state, taken for the last layer, is wrong while the logits agree", async () => {
    const renamed = (name: string) => (name === 'l_out-3' ? undefined : name === 'result_norm' ? 'l_out-3' : name);
    copyArrays(reader.file('first.safetensors'), reader.file('states.safetensors'), (name) => {
      const own = renamed(name);
      return FIRST.test(own ?? '') ? own : undefined;
    });
    const args = ['diff', reader.file('states.safetensors'), reader.file('reference.arrow'), '--no-blame'];
    const { json } = await probeJson<{ stages: { stage: string; layer: number | null; verdict: string }[] }>(args);
    const wrong = json.stages.filter(({ verdict }) => verdict !== 'agree');
    expect(wrong.map(({ stage, layer }) => [stage, layer])).toEqual([['l_out', 3]]);
  });
});

describe('the patterns of docs/find-a-divergence.md', () => {
  const rows = [...PAGE.matchAll(/^\| ([^|]+) \| [^|]+ \| `([a-z-]+)( --ubatch 4)?` \|$/gm)];
  const patterns = rows.map(([, says = '', id = '', more = '']) => ({ id, says, more }));

  test('are these', () => {
    expect(patterns.length).toBeGreaterThan(10);
  });

  test.each(inShort(patterns, 2))('$id: $says', async ({ id, says, more }) => {
    const args = [
      'compare',
      '--prompt',
      'What is 2 plus 3?',
      '--steps',
      '1',
      '--layers',
      '0',
      '--inject',
      id,
      ...more.trim().split(' '),
    ];
    const { stdout, code, stderr } = await probe(args.filter((arg) => arg !== ''));
    expect(code, stderr).toBe(1);
    const [, where = ''] = /^ {4}where: (.*)$/m.exec(stdout) ?? [];
    for (const piece of PIECES[id] ?? [says]) {
      expect(says).toContain(piece);
      expect(where).toContain(piece);
    }
  });
});

/** Where the page says more than the report's own words: those words. */
const PIECES: Readonly<Record<string, readonly string[]>> = {
  'rope-theta': ['only columns 2 to 31 of the head'],
  'sliding-window': ['only token 8 is wrong'],
  'mask-per-chunk': ['tokens 3 and 7 are wrong'],
  'rope-position-restarts': ['token 9 is wrong'],
  'cache-newest-missing': ['only column 9 of the head', 'they are 0'],
  'dispatch-limit': ['in heads 4 to 7 of 8', 'they are 0'],
};
