/*
 * Stands in front of malloc and counts its calls, thread by thread.
 *
 *   LD_PRELOAD=libCounts.so REEVE_COUNTS=FILE program
 *
 * FILE, which must be there, becomes a table that can be read at any time: a line of the cache for each thread, with its
 * number and how often it has allocated (`struct place`). Whoever reads it knows by /proc which thread is whose: threads
 * get their names after they have begun, and forks begin at nothing.
 *
 *   LD_PRELOAD=libCounts.so REEVE_COUNTS_TRACE=NAME program
 *
 * prints for each allocation of a thread of that name a line to stderr, of how much and from where: `sites.py` sums up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
  PLACES = 1024, /* more threads than a host has in all its life; those behind them share the last place */
  FRAMES = 28,   /* deep enough to tell who wanted it, behind what we and the runtime do */
};

/* Each has a line of the cache to itself, so that threads do not slow each other down. */
struct place {
  alignas(64) atomic_int thread;
  atomic_ulong allocations;
};

struct table {
  struct place places[PLACES];
};

static struct table *table;
static atomic_uint taken;
/* Not by a call, which might allocate. */
static __thread struct place *own __attribute__((tls_model("initial-exec")));
static __thread bool is_tracing __attribute__((tls_model("initial-exec")));
static char traced[16];
static void *self; /* where this library begins */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void trace(size_t size) {
  char name[16] = "";
  if (is_tracing || prctl(PR_GET_NAME, name) != 0 || strcmp(name, traced) != 0) return;
  is_tracing = true;
  void *frames[FRAMES];
  int count = backtrace(frames, FRAMES);
  char line[64 + 128 * FRAMES];
  size_t length = (size_t)snprintf(line, 64, "allocated %zu", size);
  for (int frame = 0; frame < count; frame++) {
    Dl_info info;
    char text[128];
    if (dladdr(frames[frame], &info) == 0 || info.dli_fname == NULL) break;
    if (info.dli_fbase == self) continue;
    int bytes = snprintf(text, sizeof text, " %s+%#lx", info.dli_fname, (char *)frames[frame] - (char *)info.dli_fbase);
    if (bytes >= (int)sizeof text) break;
    memcpy(line + length, text, (size_t)bytes);
    length += (size_t)bytes;
  }
  line[length++] = '\n';
  ssize_t written = write(STDERR_FILENO, line, length);
  (void)written; /* nobody is left to be told */
  is_tracing = false;
}

static void count(size_t size) {
  if (table != NULL) {
    if (own == NULL) {
      unsigned int place = atomic_fetch_add(&taken, 1);
      own = &table->places[place < PLACES ? place : PLACES - 1];
      atomic_store(&own->thread, gettid());
    }
    atomic_fetch_add_explicit(&own->allocations, 1, memory_order_relaxed);
  }
  if (traced[0] != 0) trace(size);
}

/* The thread that forked is another one in the child; its number is. */
static void forked(void) { own = NULL; }

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("REEVE_COUNTS_TRACE"), *path = getenv("REEVE_COUNTS");
  if (name != NULL && strlen(name) < sizeof traced) {
    /* The first one allocates. */
    void *frame;
    backtrace(&frame, 1);
    Dl_info info;
    if (dladdr((void *)begin, &info) != 0) self = info.dli_fbase;
    strcpy(traced, name);
  }
  if (path == NULL) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  if (ftruncate(file, sizeof *table) == 0 && pthread_atfork(NULL, NULL, forked) == 0) {
    void *memory = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) table = memory;
  }
  close(file);
}

void *malloc(size_t size) {
  count(size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count(size);
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  count(size);
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}
