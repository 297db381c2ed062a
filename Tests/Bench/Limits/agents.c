/*
 * The agents: they speak Reeve's own dialect, and cost as little as they can, so that their readers are measured.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* As many whole lines as fit what a pipe holds by default. */
#define LINES_A_BLOCK (64 * 1024 / LINE_BYTES)

/* Writes `head`, what fills the line up, and `tail`. */
static void make_line(char *line, const char *head, const char *tail) {
  static const char filler[] = "the quick brown fox jumps over the lazy dog and ";
  const size_t end = LINE_BYTES - 1 - strlen(tail);
  size_t at = strlen(head);
  memcpy(line, head, at);
  for (size_t i = 0; at < end; i++, at++) line[at] = filler[i % (sizeof filler - 1)];
  memcpy(line + end, tail, strlen(tail));
  line[LINE_BYTES - 1] = '\n';
}

static void write_all(const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(1, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(1);
    bytes += written;
    count -= (size_t)written;
  }
}

/* As real agents write them: some members, an object, and text with an escape. */
static const char event[] =
    "{\"type\":\"text\",\"id\":\"msg_01k2x7\",\"at\":\"2026-01-01T00:00:00.000Z\",\"index\":1234,"
    "\"usage\":{\"in\":1234,\"out\":567},\"final\":false,\"text\":\"";

int spew(long lines, int one_by_one) {
  static char block[LINES_A_BLOCK * LINE_BYTES], last[LINE_BYTES];
  for (int i = 0; i < LINES_A_BLOCK; i++)
    make_line(block + i * LINE_BYTES, event, "\\n\"}");
  make_line(last, "{\"type\":\"result\",\"status\":\"ok\",\"output\":\"", "\"}");
  const long step = one_by_one ? 1 : LINES_A_BLOCK;
  /* The final word is a line as well. */
  for (long rest = lines - 1; rest > 0; rest -= step) write_all(block, (size_t)(rest < step ? rest : step) * LINE_BYTES);
  write_all(last, LINE_BYTES);
  return 0;
}

int stamp_exit(const char *file) {
  int descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0 || ftruncate(descriptor, sizeof(int64_t)) < 0) fail(file);
  int64_t *stamp = mmap(NULL, sizeof *stamp, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (stamp == MAP_FAILED) fail("mmap");
  /* Touched once before, so that the page is there when it counts. */
  *(volatile int64_t *)stamp = 0;
  /* Its start is to be over for everybody, so that its end alone is measured. */
  const struct timespec life = {0, 10 * 1000 * 1000};
  nanosleep(&life, NULL);
  *(volatile int64_t *)stamp = now();
  _exit(0);
}

int final_word(void) {
  char line[100];
  int length = snprintf(
      line, sizeof line, "{\"type\":\"result\",\"status\":\"ok\",\"output\":%lld}\n", (long long)now());
  write_all(line, (size_t)length);
  const struct timespec stay = {0, 100 * 1000 * 1000};
  nanosleep(&stay, NULL);
  return 0;
}

int hello(void) {
  static const char line[] = "{\"type\":\"text\",\"text\":\"hello\"}\n";
  write_all(line, sizeof line - 1);
  return 0;
}

int quiet(void) {
  hello();
  for (;;) pause();
}

int tree(long children) {
  for (long i = 0; i < children; i++) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0)
      for (;;) pause();
  }
  /* All of them are there. */
  hello();
  for (;;) pause();
}

int finish(void) {
  /* Only the first life of a service counts: its folder says whether this is it. */
  int mark = open("done", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const char *path = getenv("BENCH_MARKS");
  if (mark >= 0 && path != NULL) {
    int marks = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (marks < 0 || write(marks, ".", 1) != 1) fail(path);
  }
  /* “down”, said to one's own supervisor: s6 and runit take it alike. */
  int control = open("supervise/control", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (control >= 0 && write(control, "d", 1) != 1) fail("supervise/control");
  return 0;
}
