/**
 * Writes the JSON Schemas of what the commands print, and of a mapping file: packages/probe/schema.
 *
 *     node scripts/dist/schemas.js && npx biome format --write packages/probe/schema
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jsonSchemas, mappingSchema } from 'llama-probe/internal';

for (const [kind, schema] of Object.entries({ ...jsonSchemas(), map: mappingSchema() })) {
  const path = fileURLToPath(new URL(`../../packages/probe/schema/${kind}.schema.json`, import.meta.url));
  writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
}
