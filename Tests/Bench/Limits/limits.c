/*
 * The least that can be done: no record, no limits, no cleaning up, nobody who is told.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[] = "/proc/self/exe";

static int watch(int set, int descriptor, uint64_t tag) {
  struct epoll_event interest = {.events = EPOLLIN, .data.u64 = tag};
  return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &interest);
}

static struct epoll_event next_event(int set) {
  struct epoll_event event;
  int count;
  do count = epoll_wait(set, &event, 1, -1);
  while (count < 0 && errno == EINTR);
  if (count < 0) fail("epoll_wait");
  return event;
}

static void reap(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) < 0) fail("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "a child failed: %d\n", status);
    exit(1);
  }
}

static void print_median_microseconds(int64_t *nanoseconds, long count) {
  qsort(nanoseconds, (size_t)count, sizeof *nanoseconds, compare_numbers);
  printf("%.1f\n", (double)nanoseconds[count / 2] / 1000);
}

static int64_t *room_for(long count) {
  int64_t *room = calloc((size_t)count, sizeof *room);
  if (room == NULL) fail("calloc");
  return room;
}

int spawn(long count, long in_flight) {
  char *const arguments[] = {"/bin/true", NULL};
  const int64_t begin = now();
  long started = 0;
  for (long ended = 0; ended < count; ended++) {
    for (; started < count && started - ended < in_flight; started++) start(arguments, -1);
    reap(-1);
  }
  printf("%.1f\n", (double)count * 1e9 / (double)(now() - begin));
  return 0;
}

int exit_latency(long samples) {
  char file[] = "/tmp/reeve-bench-stamp-XXXXXX";
  int descriptor = mkstemp(file);
  if (descriptor < 0 || ftruncate(descriptor, sizeof(int64_t)) < 0) fail(file);
  const int64_t *stamp = mmap(NULL, sizeof *stamp, PROT_READ, MAP_SHARED, descriptor, 0);
  if (stamp == MAP_FAILED) fail("mmap");
  char *const arguments[] = {self, "stamp-exit", file, NULL};
  int64_t *spans = room_for(samples);
  int set = epoll_create1(EPOLL_CLOEXEC);
  for (long i = 0; i < samples; i++) {
    pid_t pid = start(arguments, -1);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || watch(set, pidfd, 0) < 0) fail("pidfd_open");
    next_event(set);
    spans[i] = now() - *(volatile const int64_t *)stamp;
    reap(pid);
    close(pidfd);
  }
  unlink(file);
  print_median_microseconds(spans, samples);
  return 0;
}

/* Starts an agent on a pipe and waits for its first bytes; its pid. */
static pid_t hear(char *const arguments[], int set, char *bytes, size_t room, ssize_t *count) {
  int ends[2];
  make_pipe(ends);
  pid_t pid = start(arguments, ends[1]);
  close(ends[1]);
  if (watch(set, ends[0], 0) < 0) fail("epoll_ctl");
  next_event(set);
  *count = read(ends[0], bytes, room);
  if (*count <= 0) fail("read");
  close(ends[0]);
  return pid;
}

int final_latency(long samples) {
  char *const arguments[] = {self, "final", NULL};
  int64_t *spans = room_for(samples);
  int set = epoll_create1(EPOLL_CLOEXEC);
  for (long i = 0; i < samples; i++) {
    char line[256];
    ssize_t count;
    pid_t pid = hear(arguments, set, line, sizeof line - 1, &count);
    const int64_t arrived = now();
    line[count] = 0;
    const char *stamp = strstr(line, "\"output\":");
    if (stamp == NULL) fail("final");
    spans[i] = arrived - strtoll(stamp + strlen("\"output\":"), NULL, 10);
    reap(pid);
  }
  print_median_microseconds(spans, samples);
  return 0;
}

int first_event(long samples) {
  char *const arguments[] = {self, "hello", NULL};
  int64_t *spans = room_for(samples);
  int set = epoll_create1(EPOLL_CLOEXEC);
  for (long i = 0; i < samples; i++) {
    char line[256];
    ssize_t count;
    const int64_t begin = now();
    pid_t pid = hear(arguments, set, line, sizeof line, &count);
    spans[i] = now() - begin;
    reap(pid);
  }
  print_median_microseconds(spans, samples);
  return 0;
}

static long count_lines(const char *bytes, size_t count) {
  long lines = 0;
  const char *end = bytes + count;
  while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
    lines++;
    if (++bytes == end) break;
  }
  return lines;
}

static void write_all(int file, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count);
    if (written < 0) fail("write");
    bytes += written;
    count -= (size_t)written;
  }
}

struct agent {
  pid_t pid;
  int pipe, file;
};

int ingest(char *word, long lines, long count, const char *folder) {
  static char bytes[PIPE_BYTES];
  char text[20], path[4096];
  snprintf(text, sizeof text, "%ld", lines);
  char *const arguments[] = {self, word, text, NULL};
  struct agent *agents = calloc((size_t)count, sizeof *agents);
  if (agents == NULL) fail("calloc");
  int set = epoll_create1(EPOLL_CLOEXEC);
  const int64_t begin = now();
  for (long i = 0; i < count; i++) {
    int ends[2];
    make_pipe(ends);
    snprintf(path, sizeof path, "%s/transcript-%ld", folder, i);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(path);
    agents[i] = (struct agent){start(arguments, ends[1]), ends[0], file};
    close(ends[1]);
    if (watch(set, ends[0], (uint64_t)i) < 0) fail("epoll_ctl");
  }
  long seen = 0;
  for (long alive = count; alive > 0;) {
    struct agent *agent = &agents[next_event(set).data.u64];
    ssize_t got = read(agent->pipe, bytes, sizeof bytes);
    if (got < 0) fail("read");
    if (got == 0) {
      close(agent->pipe);
      close(agent->file);
      reap(agent->pid);
      alive--;
      continue;
    }
    seen += count_lines(bytes, (size_t)got);
    write_all(agent->file, bytes, (size_t)got);
  }
  const int64_t end = now();
  if (seen != lines * count) {
    fprintf(stderr, "%ld lines instead of %ld\n", seen, lines * count);
    return 1;
  }
  printf("%.6f\n", (double)(end - begin) / 1e9);
  return 0;
}

int tree_kill(long children) {
  pid_t *pids = calloc((size_t)children, sizeof *pids);
  if (pids == NULL) fail("calloc");
  for (long i = 0; i < children; i++) {
    pids[i] = fork();
    if (pids[i] < 0) fail("fork");
    if (pids[i] == 0) {
      setpgid(0, i == 0 ? 0 : pids[0]);
      for (;;) pause();
    }
    /* Said by both, as nobody knows who comes first. */
    setpgid(pids[i], pids[0]);
  }
  const int64_t begin = now();
  if (kill(-pids[0], SIGKILL) < 0) fail("kill");
  for (long i = 0; i < children; i++)
    if (waitpid(pids[i], NULL, 0) < 0) fail("waitpid");
  printf("%.3f\n", (double)(now() - begin) / 1e6);
  return 0;
}
