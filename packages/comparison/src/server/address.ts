import { UsageError } from '../errors.js';

/** What is behind the address of a server, and is added anew. */
const ENDPOINT = /\/(v1(\/(chat\/)?completions|\/models)?|completions?)?\/*$/;

/**
 * The address of a server without the path of its endpoints.
 *
 * @param name of what the user gave it as
 * @throws UsageError for what is no http(s) address, and for one that has a secret in it: it would be in reports
 * @example addressOf('http://127.0.0.1:8080/v1/') === 'http://127.0.0.1:8080'
 */
export function addressOf(text: string, name = 'URL'): string {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // told below
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw new UsageError(
      `${name}: ${url && (url.username || url.password) ? 'this' : `"${text}"`} is no address of a server; wanted such as http://127.0.0.1:8080.`,
    );
  if (url.username !== '' || url.password !== '')
    throw new UsageError(
      `${name}: the address has a name or a password in it, which reports would show. Leave it out, and give the key by an environment variable (--key-env).`,
    );
  if (url.search !== '' || url.hash !== '')
    throw new UsageError(
      `${name}: the address has something behind its path (${url.search !== '' ? '?' : '#'}…), which may be a key. Wanted such as http://127.0.0.1:8080, and a key by an environment variable (--key-env).`,
    );
  return url.origin + url.pathname.replace(ENDPOINT, '');
}
