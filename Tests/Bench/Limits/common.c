#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

void fail(const char *what) {
  perror(what);
  exit(1);
}

long number(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end != 0 || value <= 0) {
    fprintf(stderr, "“%s” is no number that makes sense here\n", text);
    exit(2);
  }
  return value;
}

pid_t start(char *const arguments[], int output) {
  pid_t pid = vfork();
  if (pid == 0) {
    if (output >= 0 && dup2(output, 1) < 0) _exit(127);
    execve(arguments[0], arguments, environ);
    _exit(127);
  }
  if (pid < 0) fail("vfork");
  return pid;
}

void make_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) < 0) fail("pipe2");
  /* Refused to a user who has much in pipes: then it is an ordinary one. */
  fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
}

int compare_numbers(const void *left, const void *right) {
  const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return a < b ? -1 : a > b;
}
