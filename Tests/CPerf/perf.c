#define _GNU_SOURCE
#include "CPerf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int cp_count_system_calls(pid_t thread, unsigned long event) {
  struct perf_event_attr what = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof what, .config = event};
  /* On whatever processor; not of threads and processes that it starts. */
  return (int)syscall(SYS_perf_event_open, &what, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

int cp_count_epoll_waits(pid_t thread, unsigned long event) {
#ifdef SYS_epoll_wait
  long number = SYS_epoll_wait;
#else
  long number = SYS_epoll_pwait;
#endif
  int counter = cp_count_system_calls(thread, event);
  if (counter < 0) return -1;
  char filter[32];
  snprintf(filter, sizeof filter, "id == %ld", number);
  if (ioctl(counter, PERF_EVENT_IOC_SET_FILTER, filter) < 0) {
    int error = errno;
    close(counter);
    errno = error;
    return -1;
  }
  return counter;
}
