import { createHash } from 'node:crypto';

const SLUG = 24;

/** A text's beginning as part of a name; if that is not all of it, with some of its hash, so that no other text has the name. */
export function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (plain.length <= SLUG && plain.length >= text.length - 2 && plain !== '') return plain;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 6);
  return [plain.slice(0, SLUG).replace(/-$/, ''), hash].filter(Boolean).join('-');
}

/** A name that is safe as a file's. */
export const safe = (name: string): string => name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '') || 'case';
