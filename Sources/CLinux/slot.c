#define _GNU_SOURCE
#include "slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The child's deepest frame holds 4 KiB of directory entries; the rest is room for the C library. */
enum { CHILD_STACK_BYTES = 64 * 1024 };

cl_slot *cl_slot_create(void) {
  cl_slot *slot = calloc(1, sizeof *slot);
  if (slot == NULL) return NULL;
  size_t guard = (size_t)sysconf(_SC_PAGESIZE);
  slot->stack_size = guard + CHILD_STACK_BYTES;
  slot->stack = mmap(NULL, slot->stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (slot->stack == MAP_FAILED) {
    free(slot);
    errno = ENOMEM;
    return NULL;
  }
  /* The child shares our memory: an overflow must hit this page, not our data. */
  if (mprotect(slot->stack, guard, PROT_NONE) < 0) {
    int code = errno;
    munmap(slot->stack, slot->stack_size);
    free(slot);
    errno = code;
    return NULL;
  }
  pthread_mutex_init(&slot->lock, NULL);
  return slot;
}

void cl_slot_destroy(cl_slot *slot) {
  munmap(slot->stack, slot->stack_size);
  pthread_mutex_destroy(&slot->lock);
  free(slot);
}

void cl_slot_begin(cl_slot *slot) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  pthread_mutex_lock(&slot->lock);
  slot->began = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  slot->observed = false;
  slot->pidfd = -1;
  slot->pid = 0;
  slot->step = CL_STEP_NONE;
  slot->error = 0;
  pthread_mutex_unlock(&slot->lock);
}

bool cl_slot_end(cl_slot *slot) {
  pthread_mutex_lock(&slot->lock);
  slot->began = 0;
  bool observed = slot->observed;
  pthread_mutex_unlock(&slot->lock);
  return observed;
}

int cl_slot_observe(cl_slot *slot, pid_t *pid, int64_t *began) {
  int duplicate = -1;
  /* Under the lock the launch cannot end, so nobody closes the pidfd between our reading its number and duplicating it;
     without it the number could by then name another run's process. */
  pthread_mutex_lock(&slot->lock);
  pid_t child = slot->began != 0 ? slot->pid : 0;
  /* clone stores the number before it knows that it will succeed: only the child's own word makes it good. */
  if (child != 0) duplicate = fcntl(slot->pidfd, F_DUPFD_CLOEXEC, 0);
  if (duplicate >= 0) {
    slot->observed = true;
    *pid = child;
    *began = slot->began;
  }
  pthread_mutex_unlock(&slot->lock);
  return duplicate;
}
