import { unknown } from '@llama-probe/oracle';
import { describe, expect, test } from 'vitest';
import { markdown } from '../src/markdown/markdown.js';
import { code, text } from '../src/markdown/text.js';
import { fault, finding, HOSTILE, nothing, sick, stage, wrong } from './support/findings.js';

const LIMIT = 65_536;

describe('text and code in Markdown', () => {
  test('do nothing but be read', () => {
    expect(text('a|b `c` <b>&*d* [e](f) ~x~')).toBe('a&#124;b \\`c\\` &lt;b&gt;&amp;\\*d\\* \\[e\\](f) \\~x\\~');
    expect(text('q_rope of _it_')).toBe('q_rope of \\_it\\_');
    expect(text('two\r\nlines\u0000')).toBe('two lines\ufffd');
    expect(text('@octocat a/b#12 GH-3 https://x.y www.x.y')).toBe(
      '@\u200boctocat a/b#\u200b12 GH-\u200b3 https:\u200b//x.y www.\u200bx.y',
    );
    expect(text('- x')).toBe('\\- x');
    expect(text('# x')).toBe('\\# x');
    expect(text('1. x')).toBe('\u200b1. x');
    expect(code('q_rope @a #1')).toBe('`q_rope @a #1`');
    expect(code('a|b')).toBe('<code>a&#124;b</code>');
    expect(code('`<')).toBe('<code>\\`&lt;</code>');
    expect(code('"2 * 3?\\n<b>"')).toBe('`"2 * 3?\\n<b>"`');
    expect(code(' ')).toBe('<code> </code>');
  });
});

describe('Markdown', () => {
  test('of a healthy run is short', () => {
    const page = markdown([finding()]);
    expect(page).toMatch(/^## ✓ llama-probe: agree\n\n`model.gguf, 3 tokens`: All 2 stages agree\.\n/);
    expect(page).toContain('closest to their limits');
    expect(page).toContain('(the same tokens)');
    expect(page).toContain('| model | model.gguf (llama, Q4_K, 4 layers, 7.3 MB) |');
    expect(page).not.toContain('/home/me');
    expect(page).not.toMatch(/First wrong stage|Wrong from|undefined|null/);
    expect(page.length).toBeLessThan(2000);
  });

  test('has the map as rows of signs, of each stage the worst step; open where something is wrong', () => {
    const page = markdown([sick()]);
    expect(page).toContain(
      '**Stages, and to the right layers 0**: 🟦 agrees, 🟨 inherits, ❌ fault of its own\n\n```\nv_proj  🟦\nq_rope  ❌\nkq      🟨\n```',
    );
    const stages = [0, 1, 2].flatMap((layer) => [
      stage({ layer, stage: 'kq', ...(layer === 1 ? { verdict: 'incomparable' } : {}) }),
      ...(layer < 2 ? [wrong({ layer, stage: 'l_out', order: 1 })] : []),
    ]);
    const other = markdown([finding({ verdict: 'diverged', stages: [stage({}), ...stages] })]);
    expect(other).toContain('```\nembd   🟦\nkq     🟦❓🟦\nl_out  🔶🔶⬜\n```');
    expect(markdown([finding()])).toMatch(/<details><summary>Stages, and to the right layers 0: 🟦 agrees<\/summary>/);
  });

  test('of a sick run says where, why, where to look, and what inherits', () => {
    const page = markdown([
      sick({ generated: { candidate: { tokens: [1], text: 'a\n"|"' }, reference: { tokens: [2], text: null } } }),
    ]);
    expect(page).toMatch(/^## ✗ RoPE turns the halves of a head: q_rope, layer 0\n/);
    expect(page).toContain('**First wrong stage: `q_rope of layer 0`**, from token 1 on');
    expect(page).toContain('- how sure: confirmed (rope-halves): ');
    expect(page).toContain('- where to look: The rotation kernel.');
    expect(page).toContain('These inputs cannot tell it from rope-neox; a prompt of 8 tokens would.');
    expect(page).toContain('| `q_rope` | 0 | 0 to 1 | 5.0e-1 | 1e-5 | RoPE turns the halves of a head (confirmed) |');
    expect(page).toContain('inherited from `q_rope of layer 0`');
    expect(page).toContain('<code>"a\\\\n\\\\"&#124;\\\\""</code> (**other tokens**)');
    expect(page).toContain('`the tokens 2`');
  });

  test('says so where the cause is not known', () => {
    const diagnosis = unknown('none of the 9 known bugs.');
    const unnamed = sick({ faults: [fault({ cause: null, diagnosis })], diagnosis });
    expect(markdown([unnamed])).toContain('- how sure: the bug is not known. None of the 9 known bugs.');
    expect(markdown([unnamed])).toContain('| unknown |');
  });

  test('of what could not be compared says why', () => {
    const page = markdown([nothing()]);
    expect(page).toContain('## ? llama-probe: incomparable');
    expect(page).toContain('**The tokens: The BOS token is missing.** The candidate has no 1.');
    expect(page).not.toMatch(/undefined|null|NaN/);
  });

  test('of several runs begins with a table, what is wrong first, and has a section for what is not healthy', () => {
    const at = { step: 0, layer: 0, stage: 'attn_rms' };
    const noted = finding({}, { name: 'noted', notes: [{ level: 'warning', text: 'twice as far', at }] });
    const page = markdown([finding({}, { name: 'fine' }), sick({}, { name: 'sick' }), noted, nothing()]);
    expect(page).toContain('## ✗ llama-probe: 2 of 4 runs do not agree');
    const rows = page.split('\n').filter((line) => /^\| [✗✓?] \|/.test(line));
    expect(rows.map((line) => line.split(' | ')[1])).toEqual(['`sick`', '`model.gguf, 3 tokens`', '`fine`', '`noted`']);
    expect(rows[0]).toContain('| `q_rope of layer 0` | RoPE turns the halves of a head | 5e+4 × |');
    expect(page.match(/^### .*/gm)).toEqual(['### ✗ sick', '### ? model.gguf, 3 tokens', '### ✓ noted']);
    const worse = finding(
      {},
      { name: 'b', verdict: 'diverged', notes: [{ level: 'error', text: '5 times worse', at }] },
    );
    expect(markdown([worse, finding()])).toContain('| ✗ | `b` | `attn_rms of layer 0` | 5 times worse | 0.03 × |');
    expect(page).toContain('- **warning** at `attn_rms of layer 0`: twice as far');
    expect(markdown([finding(), finding({}, { name: 'b' })])).toContain('## ✓ llama-probe: all 2 runs agree');
  });

  test('stays below what GitHub takes, says what it left out, and ends whole', () => {
    const many = Array.from({ length: 200 }, (_, i) =>
      sick({ reason: 'x'.repeat(3000) }, { name: `${i} ${'n'.repeat(400)}` }),
    );
    const page = markdown(many);
    expect(page.length).toBeLessThan(LIMIT);
    expect(page).toMatch(/\*\d+ sections were cut: a comment on GitHub holds 65536 characters\./);
    expect(page).toContain('and 100 more, 100 of which do not agree');
    expect(page.match(/<details>/g)?.length).toBe(page.match(/<\/details>/g)?.length);
    const long = 'ä|'.repeat(200_000);
    const monster = wrong({ stage: long, reason: long, layer: 1 });
    const one = finding(
      {
        verdict: 'diverged',
        reason: long,
        stages: [monster],
        faults: Array.from({ length: 50 }, (_, i) => fault({ stage: `${i}${long}`, reason: long })),
      },
      { name: long, notes: Array.from({ length: 99 }, () => ({ level: 'error' as const, text: long })) },
    );
    expect(markdown([one]).length).toBeLessThan(LIMIT);
    expect(markdown([one, one]).length).toBeLessThan(LIMIT);
  });

  test('is not broken by names from elsewhere', () => {
    const stages = [wrong({ stage: HOSTILE, reason: HOSTILE }), stage({})];
    const first = { order: 0, step: 0, layer: null, stage: HOSTILE, token: 0, cause: null, where: null };
    const said = { tokens: [1], text: HOSTILE };
    const page = markdown([
      finding(
        {
          verdict: 'diverged',
          reason: HOSTILE,
          stages,
          first,
          generated: { candidate: said, reference: said },
          model: { file: HOSTILE, arch: HOSTILE, quantization: HOSTILE, layers: 1, bytes: 1 },
        },
        { name: HOSTILE, notes: [{ level: 'error', text: HOSTILE }] },
      ),
    ]);
    expect(page).not.toContain('<img');
    // Outside of code, where GitHub looks for them.
    const prose = page.replace(/<code>.*?<\/code>|`[^`\n]*`/g, '');
    expect(prose).not.toMatch(/@\w|(?<!&)#\d/);
    expect(page).not.toMatch(/(?!\n)\p{Cc}|\p{Cs}/u);
    const columns = page
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.match(/(?<!\\)\|/g)?.length);
    expect(new Set(columns)).toEqual(new Set([3, 9]));
  });
});
