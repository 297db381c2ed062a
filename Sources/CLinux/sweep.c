/*
 * The guardian's sweep: it ends every descendant, however it hides. What lost its parent is our child, for we are a
 * subreaper; so the children of the children are all there is.
 */
#define _GNU_SOURCE
#include "guard.h"
#include "CLinux.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  MOST_MEMBERS = 32768,   /* of one walk; what does not fit waits for the next one */
  FIRST_PAUSE_MS = 1,     /* between walks, doubled each time; an end that is heard of cuts it short */
  LONGEST_PAUSE_MS = 100,
};

int64_t cl_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A process, and the one it was listed under. */
static struct member {
  pid_t pid, parent;
} members[MOST_MEMBERS];
static size_t member_count;

static void add(pid_t pid, pid_t parent) {
  if (member_count < MOST_MEMBERS) members[member_count++] = (struct member){pid, parent};
}

/* The children of one thread: pids, each with a space behind it. One may be cut in two by the end of the buffer. */
static void list_children(int tasks, const char *thread, pid_t parent) {
  char path[64];
  snprintf(path, sizeof path, "%.32s/children", thread);
  int file = openat(tasks, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char text[4096];
  pid_t child = 0;
  ssize_t size;
  while ((size = read(file, text, sizeof text)) > 0) {
    for (ssize_t i = 0; i < size; i++) {
      if (text[i] >= '0' && text[i] <= '9') {
        child = child * 10 + (text[i] - '0');
      } else {
        add(child, parent);
        child = 0;
      }
    }
  }
  close(file);
}

/* The kernel lists a child under the thread that made it. */
static void list_children_of_all_threads(int process, pid_t parent) {
  int tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0) return;
  _Alignas(struct dirent64) char entries[4096];
  ssize_t size;
  while ((size = getdents64(tasks, entries, sizeof entries)) > 0) {
    for (ssize_t at = 0; at < size;) {
      const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.') list_children(tasks, entry->d_name, parent);
    }
  }
  close(tasks);
}

/* 0 when it cannot be told. */
static pid_t parent_of(int process) {
  int file = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char line[256];
  ssize_t size = read(file, line, sizeof line - 1);
  close(file);
  if (size <= 0) return 0;
  line[size] = 0;
  /* "pid (name) state parent …": the name may hold anything, but no later field holds a parenthesis. */
  const char *name_end = strrchr(line, ')');
  return name_end && strlen(name_end) > 4 ? (pid_t)strtol(name_end + 4, NULL, 10) : 0;
}

/*
 * Sends a signal to one member and lists its children.
 *
 * Its pid may be a stranger's by now. The open folder in /proc stays with one process and serves as its pidfd: whose
 * parent is the one it was listed under, or us who inherit, is ours; and it is that one which gets the signal.
 */
static void visit(struct member member, pid_t self, int signal) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", member.pid);
  int process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (process < 0) return;
  pid_t parent = parent_of(process);
  if (parent != 0 && (parent == member.parent || parent == self)) {
    /* What stands still makes no more children; what is dead has none to list. */
    if (signal == SIGSTOP) cl_pidfd_send_signal(process, signal);
    list_children_of_all_threads(process, member.pid);
    if (signal != SIGSTOP) cl_pidfd_send_signal(process, signal);
  }
  close(process);
}

/* Reaps those of our children that have ended, by their pids: the end of the one that is spared is somebody else's. */
static void reap_listed(pid_t spared) {
  size_t kept = 0;
  for (size_t i = 0; i < member_count; i++) {
    pid_t pid = members[i].pid;
    if (pid != spared && waitpid(pid, NULL, WNOHANG | __WALL) != pid) members[kept++] = members[i];
  }
  member_count = kept;
}

/* Whether there is anybody left. */
static bool walk(pid_t spared, int signal) {
  pid_t self = getpid();
  member_count = 0;
  int process = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (process < 0) return true;
  list_children_of_all_threads(process, self);
  close(process);
  reap_listed(spared);
  for (size_t i = 0; i < member_count; i++) visit(members[i], self, signal);
  return member_count > 0;
}

void cl_sweep(int64_t bound_milliseconds, pid_t spared) {
  int64_t deadline = cl_milliseconds() + bound_milliseconds;
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  long pause = FIRST_PAUSE_MS;
  while (cl_milliseconds() < deadline) {
    /* Killing alone does not catch up with a fork bomb: it is brought to a standstill first, twice for what was made
       during the first walk. */
    if (!walk(spared, SIGSTOP)) return;
    walk(spared, SIGSTOP);
    walk(spared, SIGKILL);
    sigtimedwait(&ended, NULL, &(struct timespec){.tv_nsec = pause * 1000000});
    pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
  }
}
