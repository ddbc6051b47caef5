import { runTokenize, type Token, type Tokenized, type TokenizeOptions } from '@llama-probe/comparison';
import { color, tameAll } from '@llama-probe/report';

export { runTokenize, type Tokenized, type TokenizeOptions };

/** The same as text. */
export function tokenizeText(report: Tokenized): string {
  const { file, vocabulary, version, text, chat, parsesSpecial, bos, eos, notes, against, verdict, reason } = report;
  const tokens = report.tokens.map((token) => ({ ...token, shown: pieceText(token) }));
  const at = against?.difference?.at;
  const widths = {
    id: Math.max(2, ...tokens.map(({ id }) => String(id).length)),
    piece: Math.max(5, ...tokens.map(({ shown }) => shown.length)),
  };
  const lines = tokens.map(({ id, shown, kind, from, to }, i) => {
    const place = from === null || to === null ? '' : from === to ? `${from}` : `${from}–${to}`;
    const mark = i === at ? color.red('✗') : ' ';
    return `${mark} ${String(i).padStart(5)}  ${String(id).padStart(widths.id)}  ${shown.padEnd(widths.piece)}  ${place.padEnd(9)}  ${kind === 'normal' ? '' : kind}`.trimEnd();
  });
  const special =
    text === null ? [] : [`special tokens in the text: ${parsesSpecial ? 'are tokens' : 'are text (--no-special)'}`];
  const sign = verdict === 'agree' ? color.green('✓') : color.red('✗');
  return tameAll([
    `${file}: ${[vocabulary.type, vocabulary.pre].filter(Boolean).join(', ')}, ${vocabulary.size} tokens; llama.cpp ${version}`,
    ...(chat && text !== null ? [`through the chat template, by ${chat}: "${visible(text)}"`] : []),
    `BOS${named(bos)}: ${bos.isAdded ? 'added' : 'not added'}; ${bos.why}`,
    `EOS${named(eos)}: ${eos.isAdded ? 'added' : 'not added'}; ${eos.why}`,
    ...special,
    '',
    `  ${'place'.padStart(5)}  ${'id'.padStart(widths.id)}  ${'piece'.padEnd(widths.piece)}  bytes`,
    ...lines,
    '',
    `ids:  ${report.tokens.map(({ id }) => id).join(',')}`,
    `text: "${visible(report.detokenized)}"`,
    ...notes,
    ...(against ? ['', `${sign} ${verdict === 'agree' ? 'the same' : 'they differ'}: ${visible(reason)}`] : []),
  ]).join('\n');
}

const named = ({ id }: Tokenized['bos']): string => (id === null ? '' : ` ${id}`);

/** @example ' Hello' → '"␣Hello"' */
function pieceText({ piece, bytes }: Token): string {
  return piece === null ? `<${bytes.replace(/..(?=.)/g, '$& ')}>` : `"${visible(piece).replaceAll(' ', '␣')}"`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Control characters, invisible ones and spaces that look like another are written as escapes. */
function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|\p{Default_Ignorable_Code_Point}/gu, (one) => {
    return ESCAPES[one] ?? `\\u{${(one.codePointAt(0) as number).toString(16)}}`;
  });
}
