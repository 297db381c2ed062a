/*
 * An agent that behaves as badly as it is told to: its arguments are done one after the other.
 *
 *   FakeAgent PIDFILE WORD [ARGUMENT] ...
 *
 * Every process that it starts writes its pid into PIDFILE, one a line, so that a test can tell what became of it
 * without having to find it. `usage` below lists the words.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "say TEXT    print a line              ok           print a final word: success\n"
    "sleep MS    wait                      stay         wait for ever\n"
    "exit CODE   end                       deaf         ignore SIGTERM from now on\n"
    "child       a child does what follows, up to the word also; there its parent goes on\n"
    "session     in a session of its own   daemon       the same after a double fork\n"
    "disguise    become another program: no environment, another name, no descriptors\n"
    "hop MS      fork itself on and on, MS apart, each parent ending\n"
    "hop-fast US   the same, microseconds apart\n"
    "multiply    on SIGTERM start a child that stays\n"
    "stop        stop itself               close        close stdin, stdout and stderr\n"
    "move DIR    enter the control group DIR\n"
    "bomb COUNT  fork as fast as it can until COUNT processes live\n"
    "threads N   have N threads more       fill FILE MIB  write a file\n"
    "headless    have only the main thread end, the others go on\n"
    "eat MIB     take memory               eat-shared MIB  take memory that is shared\n"
    "eat-file MIB  take memory by memfd    eat-slowly MIB  take it over two seconds\n";

static const char *pid_file;

static void note_pid(void) {
  char line[16];
  int length = snprintf(line, sizeof line, "%d\n", getpid());
  int file = open(pid_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0 || write(file, line, (size_t)length) != length) _exit(99);
  close(file);
}

static void wait_milliseconds(long count) {
  struct timespec span = {count / 1000, count % 1000 * 1000000};
  while (nanosleep(&span, &span) < 0 && errno == EINTR) {}
}

static void stay(void) {
  for (;;) pause();
}

/* Goes on in the child; the parent returns false. */
static bool is_child(void) {
  pid_t pid = fork();
  if (pid < 0) _exit(98);
  if (pid == 0) note_pid();
  return pid == 0;
}

/* Goes on as a daemon: its parent is gone and its session its own. The caller returns false. */
static bool is_daemon(void) {
  pid_t pid = fork();
  if (pid != 0) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    return false;
  }
  setsid();
  if (fork() != 0) _exit(0);
  note_pid();
  return true;
}

static void hop(long milliseconds) {
  /* Bounded, should a test fail to end it. */
  for (int hops = 0; hops < 60000; hops++) {
    pid_t pid = fork();
    if (pid < 0) continue;
    if (pid > 0) _exit(0);
    wait_milliseconds(milliseconds);
  }
  _exit(0);
}

/* The same without sleep: one that is always about to fork or to end. */
static void hop_fast(long microseconds) {
  time_t end = time(NULL) + 20;
  while (time(NULL) < end) {
    pid_t pid = fork();
    if (pid < 0) continue;
    if (pid > 0) _exit(0);
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t last = until.tv_sec * INT64_C(1000000000) + until.tv_nsec + microseconds * 1000;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < last);
  }
  _exit(0);
}

static void multiply(int number) {
  (void)number;
  if (fork() == 0) {
    note_pid();
    signal(SIGTERM, SIG_DFL);
    stay();
  }
  _exit(0);
}

static void bomb(int count) {
  int *alive = mmap(NULL, sizeof *alive, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (alive == MAP_FAILED) _exit(97);
  signal(SIGCHLD, SIG_IGN);
  /* Each child goes on forking like its parent, in a session of its own. */
  for (;;) {
    if (__atomic_add_fetch(alive, 1, __ATOMIC_SEQ_CST) > count) {
      __atomic_sub_fetch(alive, 1, __ATOMIC_SEQ_CST);
      wait_milliseconds(5);
      continue;
    }
    pid_t pid = fork();
    if (pid < 0) {
      __atomic_sub_fetch(alive, 1, __ATOMIC_SEQ_CST);
      wait_milliseconds(5);
    } else if (pid == 0) {
      setsid();
      note_pid();
    }
  }
}

static void *idle(void *nothing) {
  stay();
  return nothing;
}

static void eat(size_t bytes, int flags, int file, long milliseconds) {
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
  if (memory == MAP_FAILED) _exit(96);
  const size_t step = bytes / 64 + 1;
  for (size_t at = 0; at < bytes; at += step) {
    size_t part = bytes - at < step ? bytes - at : step;
    memset(memory + at, 1, part);
    if (milliseconds > 0) wait_milliseconds(milliseconds / 64);
  }
}

static void fill(const char *path, size_t bytes) {
  static char block[1 << 20];
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (size_t done = 0; done < bytes; done += sizeof block) {
    if (write(file, block, sizeof block) < 0) _exit(95);
  }
  close(file);
}

static void eat_file(size_t bytes) {
  int file = memfd_create("meal", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, (off_t)bytes) < 0) _exit(92);
  eat(bytes, MAP_SHARED, file, 0);
}

static void start_threads(long count) {
  for (long i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, idle, NULL) != 0) _exit(91);
  }
}

static void enter(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/cgroup.procs", directory);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0", 1) != 1) _exit(94);
  close(file);
}

/* ---- The script ---- */

static char **words;

static const char *next_word(void) {
  const char *word = *words;
  if (word == NULL) {
    fputs(usage, stderr);
    exit(2);
  }
  words++;
  return word;
}

static long next_number(void) { return strtol(next_word(), NULL, 10); }

static size_t next_mebibytes(void) { return (size_t)next_number() << 20; }

/* A child does what follows up to the word "also", where its parent goes on. */
static void skip_to_parent(void) {
  while (*words != NULL && strcmp(*words, "also") != 0) words++;
  if (*words != NULL) words++;
}

/* The rest of the script is done by a program of another name, which has no environment and no descriptors. */
static void disguise(const char *self) {
  char *arguments[64] = {"kthreadd", (char *)pid_file};
  int count = 2;
  while (*words != NULL && count < 63) arguments[count++] = *words++;
  char *environment[] = {NULL};
  close_range(0, ~0U, 0);
  execve(self, arguments, environment);
  _exit(93);
}

static void perform(const char *word) {
  const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  if (strcmp(word, "say") == 0) puts(next_word());
  else if (strcmp(word, "ok") == 0) puts("{\"type\":\"result\",\"status\":\"ok\",\"output\":\"done\"}");
  else if (strcmp(word, "sleep") == 0) wait_milliseconds(next_number());
  else if (strcmp(word, "stay") == 0) stay();
  else if (strcmp(word, "exit") == 0) _exit((int)next_number());
  else if (strcmp(word, "deaf") == 0) signal(SIGTERM, SIG_IGN);
  else if (strcmp(word, "session") == 0) setsid();
  else if (strcmp(word, "headless") == 0) pthread_exit(NULL);
  else if (strcmp(word, "stop") == 0) raise(SIGSTOP);
  else if (strcmp(word, "close") == 0) close(0), close(1), close(2);
  else if (strcmp(word, "multiply") == 0) signal(SIGTERM, multiply);
  else if (strcmp(word, "hop") == 0) hop(next_number());
  else if (strcmp(word, "hop-fast") == 0) hop_fast(next_number());
  else if (strcmp(word, "bomb") == 0) bomb((int)next_number());
  else if (strcmp(word, "move") == 0) enter(next_word());
  else if (strcmp(word, "disguise") == 0) disguise("/proc/self/exe");
  else if (strcmp(word, "eat") == 0) eat(next_mebibytes(), anonymous, -1, 0);
  else if (strcmp(word, "eat-slowly") == 0) eat(next_mebibytes(), anonymous, -1, 2000);
  else if (strcmp(word, "eat-shared") == 0) eat(next_mebibytes(), MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  else if (strcmp(word, "eat-file") == 0) eat_file(next_mebibytes());
  else if (strcmp(word, "threads") == 0) start_threads(next_number());
  else if (strcmp(word, "fill") == 0) {
    const char *path = next_word();
    fill(path, next_mebibytes());
  } else {
    fprintf(stderr, "FakeAgent does not know the word %s\n%s", word, usage);
    exit(2);
  }
}

int main(int count, char **arguments) {
  if (count < 3) return fputs(usage, stderr), 2;
  pid_file = arguments[1];
  words = arguments + 2;
  note_pid();
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (*words != NULL) {
    const char *word = next_word();
    if (strcmp(word, "also") == 0) break;
    if (strcmp(word, "child") == 0) {
      if (!is_child()) skip_to_parent();
    } else if (strcmp(word, "daemon") == 0) {
      if (!is_daemon()) skip_to_parent();
    } else {
      perform(word);
    }
  }
  return 0;
}
