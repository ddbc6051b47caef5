/* What an engine computed, as a .safetensors file that `probe diff` reads. For C99 and C++, on little-endian machines.
 *
 *     #define PROBE_DUMP_IMPLEMENTATION  // in one of your files, before:
 *     #include "probe_dump.h"
 *     probe_keep("embd", -1, x, tokens, width);
 *     probe_keep("q_rope", layer, q, tokens, heads * head_dim);  // wherever a stage has been computed
 *     probe_keep("result_output", -1, logits, tokens, vocabulary);
 *     probe_save("mine.safetensors", ids, tokens);
 *
 * Of a buffer on a GPU, keep what cudaMemcpy or ggml_backend_tensor_get has copied back.
 */
#ifndef PROBE_DUMP_H
#define PROBE_DUMP_H
#include <stddef.h>
#include <stdint.h>

/* Copies the rows of a stage. The layer counts from 0, -1 is none. An engine that runs token by token calls this again for the next rows.
 * Returns 0, or -1 where there is no memory, or the width is another one than before. */
int probe_keep(const char *name, int layer, const float *values, size_t rows, size_t width);

/* Writes the file. `ids` are the tokens that were run, one for each row. Returns 0, or -1 where it cannot be written. */
int probe_save(const char *path, const int32_t *ids, size_t count);

#ifdef PROBE_DUMP_IMPLEMENTATION
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct probe_stage { char name[64]; float *values; size_t rows, width; } *probe_stages;
static size_t probe_stage_count;

int probe_keep(const char *name, int layer, const float *values, size_t rows, size_t width) {
  char key[64];
  snprintf(key, sizeof key, layer < 0 ? "%s" : "%s-%d", name, layer);
  size_t i = 0;
  while (i < probe_stage_count && strcmp(probe_stages[i].name, key) != 0) i++;
  if (i == probe_stage_count) {
    void *more = realloc(probe_stages, (i + 1) * sizeof *probe_stages);
    if (!more) return -1;
    probe_stages = (struct probe_stage *)more;
    memset(&probe_stages[i], 0, sizeof *probe_stages);
    memcpy(probe_stages[i].name, key, sizeof key);
    probe_stages[i].width = width;
    probe_stage_count++;
  }
  struct probe_stage *stage = &probe_stages[i];
  if (stage->width != width) return -1;
  void *more = realloc(stage->values, (stage->rows + rows) * width * sizeof(float));
  if (!more) return -1;
  stage->values = (float *)more;
  memcpy(stage->values + stage->rows * width, values, rows * width * sizeof(float));
  stage->rows += rows;
  return 0;
}

int probe_save(const char *path, const int32_t *ids, size_t count) {
  FILE *file = fopen(path, "wb");
  if (!file) return -1;
  uint64_t length = 0;
  size_t end = 4 * count;
  fwrite(&length, 8, 1, file);
  fprintf(file, "{\"tokens\":{\"dtype\":\"I32\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}", count, end);
  for (struct probe_stage *stage = probe_stages; stage != probe_stages + probe_stage_count; stage++) {
    size_t begin = end;
    end += 4 * stage->rows * stage->width;
    fprintf(file, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu,%zu],\"data_offsets\":[%zu,%zu]}", stage->name, stage->rows, stage->width, begin, end);
  }
  fputc('}', file);
  length = (uint64_t)ftell(file) - 8;
  fwrite(ids, 4, count, file);
  for (size_t i = 0; i < probe_stage_count; i++) fwrite(probe_stages[i].values, 4, probe_stages[i].rows * probe_stages[i].width, file);
  fseek(file, 0, SEEK_SET);
  fwrite(&length, 8, 1, file);
  int failed = ferror(file);
  return fclose(file) != 0 || failed ? -1 : 0;
}
#endif
#endif
