/* The inside of a launch slot, for slot.c and launch.c. */
#pragma once

#include "CLinux.h"

#include <pthread.h>
#include <stdatomic.h>

struct cl_slot {
  pthread_mutex_t lock; /* guards began, observed and the life of the pidfd; never held across the clone */
  int64_t began;        /* 0 between launches */
  bool observed;

  /* The launching thread stands still from clone to exec, and meanwhile these are written for it. */
  atomic_int pidfd; /* by the kernel, in clone */
  atomic_int pid;   /* by the child: once it is not 0, clone has succeeded and pidfd is a descriptor */
  atomic_int step;  /* by the child, when it gives up */
  atomic_int error; /* by the child, when it gives up */

  char *stack; /* lowest byte of the mapping, the guard page included */
  size_t stack_size;
};

/* Opens the slot to observers. */
void cl_slot_begin(cl_slot *slot);

/* Closes the slot to observers: afterwards the pidfd is the caller's alone. Returns whether it was observed. */
bool cl_slot_end(cl_slot *slot);
