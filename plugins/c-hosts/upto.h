/* The contract of plugins/wit/transform.wit (upto:transform@0.1.0) in C: the layouts are those of the component model
 * for wasm32, so that no generator and no C library is needed. Include it once, and define upto_transform.
 *
 * Memory: all that the host hands over and all that upto_alloc gives lives until the call of transform has returned. */
#ifndef UPTO_H
#define UPTO_H

#include <stddef.h>
#include <stdint.h>

typedef struct { const char *ptr; size_t len; } upto_string; /* UTF-8, not terminated */
typedef struct { uint8_t some; int64_t value; } upto_option_s64;
typedef struct { uint8_t some; upto_string value; } upto_option_string;
typedef struct { uint8_t some, value; } upto_option_u8;

enum upto_kind { UPTO_START, UPTO_END, UPTO_POINT, UPTO_NEW };
enum upto_status { UPTO_SKIPPED, UPTO_SUCCESS, UPTO_CANCELLED, UPTO_TIMEOUT, UPTO_FAILURE, UPTO_ERROR };
enum upto_level { UPTO_LOG_DEBUG, UPTO_LOG_INFO, UPTO_LOG_WARN, UPTO_LOG_ERROR };

/* Indices into the texts and the label sets of a batch. */
typedef uint32_t upto_text, upto_labels;
typedef struct { struct { upto_text key, value; } *ptr; size_t len; } upto_label_set;

/* Reports by columns: those of the report i are contexts.ptr[i], names.ptr[i] and so on. */
typedef struct {
    struct { const char *ptr; size_t len; } texts; /* one after the other; see upto_text_at */
    struct { const uint32_t *ptr; size_t len; } offsets;
    struct { const upto_label_set *ptr; size_t len; } label_sets;
    struct { const upto_text *ptr; size_t len; } contexts, names;
    struct { const uint8_t *ptr; size_t len; } kinds; /* enum upto_kind */
    struct { const int64_t *ptr; size_t len; } times; /* microseconds since 1970-01-01T00:00:00Z; -1 for none */
    struct { const upto_text *ptr; size_t len; } hosts, timelines; /* of an empty text for none */
    struct { const upto_option_u8 *ptr; size_t len; } statuses; /* enum upto_status */
    struct { const upto_labels *ptr; size_t len; } labels;
} upto_batch;

/* What makes a new report of a given one: the fields that are some. An empty host or timeline is none. */
typedef struct {
    upto_option_string context, name;
    upto_option_u8 kind; /* enum upto_kind */
    upto_option_s64 time;
    upto_option_string host, timeline;
    upto_option_u8 status; /* enum upto_status */
    struct { uint8_t some; struct { upto_string key, value; } *ptr; size_t len; } labels; /* all of the new report */
    enum { UPTO_WITHOUT_TIME = 1, UPTO_WITHOUT_STATUS = 2 } without : 8;
} upto_changes;

typedef struct {
    enum { UPTO_KEEP, UPTO_DROP, UPTO_CHANGE, UPTO_EXPAND, UPTO_FAIL } tag : 8;
    union {
        upto_changes change;
        struct { upto_changes *ptr; size_t len; } expand; /* at most 100 */
        upto_string fail;
    };
} upto_outcome;

_Static_assert(sizeof(upto_batch) == 88 && sizeof(upto_changes) == 96 && sizeof(upto_outcome) == 104,
               "the layout of the component model");

/* A text of a batch. */
static inline upto_string upto_text_at(const upto_batch *batch, upto_text text) {
    uint32_t start = batch->offsets.ptr[text];
    return (upto_string){batch->texts.ptr + start, batch->offsets.ptr[text + 1] - start};
}

/* To be defined by the function: what becomes of the report i of a batch. *outcome is UPTO_KEEP and all zero at first. */
void upto_transform(const upto_batch *batch, size_t i, upto_outcome *outcome);

/* Imports. */
__attribute__((import_module("upto:transform/host@0.1.0"), import_name("log")))
void upto_host_log(uint32_t level, const char *text, size_t len);
__attribute__((import_module("upto:transform/host@0.1.0"), import_name("lookup")))
void upto_host_lookup(const char *table, size_t table_len, const char *key, size_t key_len, upto_option_string *value);

/* The value of a key in a lookup table of the host. A table that does not exist ends the call. */
static inline upto_option_string upto_lookup(upto_string table, upto_string key) {
    upto_option_string value;
    upto_host_lookup(table.ptr, table.len, key.ptr, key.len, &value);
    return value;
}

/* A string from a literal. */
#define UPTO_STRING(literal) ((upto_string){literal, sizeof(literal) - 1})

/* An arena that is empty again after each call. */
extern unsigned char __heap_base;
static uintptr_t upto_top;

static inline void *upto_alloc(size_t size, size_t align) {
    uintptr_t start = ((upto_top ? upto_top : (uintptr_t)&__heap_base) + align - 1) & ~(uintptr_t)(align - 1);
    uintptr_t end = start + size, have = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
    if (end < start || (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (size_t)-1)) {
        __builtin_trap();
    }
    upto_top = end;
    return (void *)start;
}

__attribute__((export_name("cabi_realloc")))
void *upto_cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    unsigned char *fresh = upto_alloc(size, align);
    for (size_t i = 0; old && i < old_size && i < size; i++) {
        fresh[i] = ((unsigned char *)old)[i];
    }
    return fresh;
}

typedef struct { upto_outcome *ptr; size_t len; } upto_outcomes;

__attribute__((export_name("transform")))
upto_outcomes *upto_export_transform(const upto_batch *batch) {
    size_t count = batch->names.len;
    upto_outcomes *result = upto_alloc(sizeof *result, 8);
    result->ptr = upto_alloc(count * sizeof(upto_outcome), 8);
    result->len = count;
    for (size_t i = 0; i < count; i++) {
        __builtin_memset(&result->ptr[i], 0, sizeof(upto_outcome));
        upto_transform(batch, i, &result->ptr[i]);
    }
    return result;
}

__attribute__((export_name("cabi_post_transform")))
void upto_post_transform(upto_outcomes *result) {
    (void)result;
    upto_top = 0;
}

#endif
