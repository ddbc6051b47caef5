import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BUNDLED } from './models.js';
import { path } from './probe.js';
import { copyArrays } from './safetensors.js';
import { probe } from './session.js';
import { runTool } from './toolchains.js';

const ENGINE = fileURLToPath(new URL('../../examples/javascript/tiny-engine.js', import.meta.url));

/** "What is 2 plus 3?" */
export const TOKENS = '1,338,292,921,970,419,921,974,948';
/** What the engine decodes behind it: decoded.safetensors says so, too. */
export const DECODED = '921,970,419,921';
/** What a first dump has. */
export const FIRST = /^(tokens|embd|l_out-\d+|result_output)$/;

/** What a reader of the pages has at hand who has done what they say: a folder with a model and with dumps of an engine that is sick. */
export class Reader {
  readonly folder = path('reader');

  constructor() {
    mkdirSync(this.folder);
    copyFileSync(BUNDLED, this.file('model.gguf'));
    this.run('sick.safetensors', ['--bug']);
    this.run('first.safetensors', []);
    this.run('decoded.safetensors', [], 4);
    copyFileSync(this.file('first.safetensors'), this.file('second.safetensors'));
    writeFileSync(this.file('mine.mjs'), `import ${JSON.stringify(pathToFileURL(ENGINE).href)};\n`);
    this.keepOnly('sick.safetensors', 'mine.safetensors', (name) => FIRST.test(name));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  keepOnly(from: string, to: string, isKept: (name: string) => boolean): void {
    copyArrays(this.file(from), this.file(to), (name) => (isKept(name) ? name : undefined));
  }

  /** llama.cpp's runs of the prompt, and of it with the decoded tokens. */
  async capture(): Promise<void> {
    for (const [out, tokens] of [
      ['reference.arrow', TOKENS],
      ['whole.arrow', `${TOKENS},${DECODED}`],
    ] as const) {
      const asked = [
        'capture',
        '--from',
        'llama',
        '--model',
        this.file('model.gguf'),
        '--tokens',
        tokens,
        '--steps',
        '0',
      ];
      const { code, stderr } = await probe([...asked, '--out', this.file(out)]);
      if (code !== 0) throw new Error(stderr);
    }
  }

  private run(out: string, args: readonly string[], steps = 0): void {
    const asked = { PROBE_MODEL: BUNDLED, PROBE_TOKENS: TOKENS, PROBE_STEPS: `${steps}` };
    runTool(process.execPath, [ENGINE, ...args], { ...asked, PROBE_OUT: this.file(out) });
  }
}
