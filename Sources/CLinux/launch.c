/*
 * Everything between clone and exec. The child shares our memory (CLONE_VM) while the launching thread is suspended
 * (CLONE_VFORK), so it costs the same whatever our size, and tells why it failed by storing it. The other threads run
 * on, and any of them may hold any lock: the child makes only async-signal-safe calls.
 */
#define _GNU_SOURCE
#include "slot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  FIRST_CLOSED_DESCRIPTOR = 3,
  GIVEN_UP = 127, /* what shells exit with when exec fails */
  SIGNAL_COUNT = 64,
};

/* The kernel's own signal set. glibc's calls will not touch the two signals it keeps for itself. */
typedef uint64_t signal_set;

static int set_signal_mask(signal_set mask, signal_set *old) {
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, sizeof mask);
}

/* ---- In the child ---- */

struct child {
  const cl_launch_request *request;
  cl_slot *slot;
  pid_t parent;
  bool joins_cgroup; /* not born into it, for want of clone3 */
  char out_of_memory_score[16];
};

static void give_up(const struct child *child, cl_step step) {
  child->slot->error = errno;
  child->slot->step = step;
  _exit(GIVEN_UP);
}

static int join_cgroup(int directory) {
  int file = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t written = write(file, "0", 1); /* 0 is the writer */
  if (written < 0) return -1;
  return close(file);
}

static int join_cgroups(const struct child *child) {
  const cl_launch_request *request = child->request;
  if (child->joins_cgroup && join_cgroup(request->cgroup) < 0) return -1;
  for (size_t i = 0; i < request->joined_cgroup_count; i++) {
    if (join_cgroup(request->joined_cgroups[i]) < 0) return -1;
  }
  return 0;
}

static int place_standard_descriptors(const cl_launch_request *request) {
  int sources[3] = {request->input, request->output, request->error};
  /* One that stands where another will be put must get out of the way first. */
  for (int target = 0; target < 3; target++) {
    if (sources[target] == target || sources[target] >= FIRST_CLOSED_DESCRIPTOR) continue;
    sources[target] = fcntl(sources[target], F_DUPFD_CLOEXEC, FIRST_CLOSED_DESCRIPTOR);
    if (sources[target] < 0) return -1;
  }
  for (int target = 0; target < 3; target++) {
    /* dup2 onto itself would leave the close-on-exec flag set. */
    int result = sources[target] == target ? fcntl(target, F_SETFD, 0) : dup2(sources[target], target);
    if (result < 0) return -1;
  }
  return 0;
}

static void mark_close_on_exec(int descriptor) {
  if (descriptor >= FIRST_CLOSED_DESCRIPTOR) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/* For kernels that refuse close_range: by the list in /proc, or number by number where there is no /proc. */
static int mark_each_close_on_exec(void) {
  int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    for (rlim_t descriptor = FIRST_CLOSED_DESCRIPTOR; descriptor < limit.rlim_cur; descriptor++) {
      mark_close_on_exec((int)descriptor);
    }
    return 0;
  }
  _Alignas(struct dirent64) char entries[4096];
  ssize_t size;
  while ((size = getdents64(directory, entries, sizeof entries)) > 0) {
    for (ssize_t at = 0; at < size;) {
      const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
      at += entry->d_reclen;
      int descriptor = 0; /* stays 0 for "." and ".." */
      for (const char *digit = entry->d_name; *digit >= '0' && *digit <= '9'; digit++) {
        descriptor = descriptor * 10 + (*digit - '0');
      }
      mark_close_on_exec(descriptor);
    }
  }
  return size < 0 ? -1 : 0;
}

static int leave_only_standard_descriptors(const cl_launch_request *request) {
  if (place_standard_descriptors(request) < 0) return -1;
  if (request->uses_close_range && close_range(FIRST_CLOSED_DESCRIPTOR, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
  return mark_each_close_on_exec();
}

/* exec resets handlers but keeps what is ignored, and so does CLONE_CLEAR_SIGHAND. */
static int reset_signal_dispositions(void) {
  static const uint64_t standard[8]; /* the kernel's struct sigaction, all zero: SIG_DFL */
  for (int number = 1; number <= SIGNAL_COUNT; number++) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, number, standard, NULL, sizeof(signal_set)) < 0) return -1;
  }
  return 0;
}

static int set_limits(const cl_launch_request *request) {
  struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) < 0) return -1;
  if (!request->sets_open_files) return 0;
  struct rlimit files = {request->open_files_soft, request->open_files_hard};
  return setrlimit(RLIMIT_NOFILE, &files);
}

/* Best effort: lowering the score needs a privilege, and /proc may be missing. While the child is a vfork child the
   kernel changes its score alone, not that of everyone who shares the memory. */
static void set_out_of_memory_score(const struct child *child) {
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!write(file, child->out_of_memory_score, strlen(child->out_of_memory_score));
  close(file);
}

static int run_child(void *context) {
  const struct child *child = context;
  const cl_launch_request *request = child->request;

  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) give_up(child, CL_STEP_PDEATHSIG);
  /* Had the parent died before that call, no signal would ever come, and nobody is left to be told. */
  if (getppid() != child->parent) _exit(GIVEN_UP);
  child->slot->pid = getpid();

  if (join_cgroups(child) < 0) give_up(child, CL_STEP_CGROUP);
  if (setsid() < 0) give_up(child, CL_STEP_SETSID);
  if (chdir(request->directory) < 0) give_up(child, CL_STEP_CHDIR);
  if (leave_only_standard_descriptors(request) < 0) give_up(child, CL_STEP_DESCRIPTORS);
  if (reset_signal_dispositions() < 0) give_up(child, CL_STEP_SIGNALS);
  if (set_limits(request) < 0) give_up(child, CL_STEP_LIMITS);
  if (request->sets_out_of_memory_score) set_out_of_memory_score(child);
  if (!request->may_gain_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) give_up(child, CL_STEP_PRIVILEGES);
  if (set_signal_mask(0, NULL) < 0) give_up(child, CL_STEP_SIGNALS);
  execve(request->program, (char *const *)request->arguments, (char *const *)request->environment);
  give_up(child, CL_STEP_EXEC);
  return GIVEN_UP;
}

/* ---- In the parent ---- */

/* glibc has no clone3. The child starts on an empty stack, so it must not return into the C code that called: it calls
   `function` from here and never comes back. */
static long clone3_calling(struct clone_args *args, int (*function)(void *), void *context) {
#if defined(__x86_64__)
  long result;
  register int (*callee)(void *) __asm__("r8") = function;
  register void *argument __asm__("r9") = context;
  __asm__ volatile("syscall\n\t"
                   "testq %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
                   "movq %%r9, %%rdi\n\t"
                   "callq *%%r8\n\t"
                   "hlt\n"
                   "1:"
                   : "=a"(result)
                   : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(callee), "r"(argument)
                   : "rcx", "r11", "cc", "memory");
  return result;
#elif defined(__aarch64__)
  register long result __asm__("x0") = (long)args;
  register long size __asm__("x1") = sizeof *args;
  register long number __asm__("x8") = SYS_clone3;
  register int (*callee)(void *) __asm__("x9") = function;
  register void *argument __asm__("x10") = context;
  __asm__ volatile("svc #0\n\t"
                   "cbnz x0, 1f\n\t"
                   "mov x29, xzr\n\t" /* the outermost frame */
                   "mov x0, x10\n\t"
                   "blr x9\n\t"
                   "brk #1\n"
                   "1:"
                   : "+r"(result)
                   : "r"(size), "r"(number), "r"(callee), "r"(argument)
                   : "cc", "memory");
  return result;
#else
  (void)args, (void)function, (void)context;
  return -ENOSYS;
#endif
}

/* The pid, or a negative errno. */
static long start_child(struct child *child) {
  const cl_launch_request *request = child->request;
  cl_slot *slot = child->slot;
  if (request->uses_clone3) {
    struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)&slot->pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)slot->stack,
        .stack_size = slot->stack_size,
    };
    if (request->cgroup >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = (uint64_t)request->cgroup;
    }
    long result = clone3_calling(&args, run_child, child);
    /* EPERM is what some containers' filters say for a call they do not know. */
    if (result != -ENOSYS && result != -EPERM) return result;
  }
  child->joins_cgroup = request->cgroup >= 0;
  int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  int pid = clone(run_child, slot->stack + slot->stack_size, flags, child, (int *)&slot->pidfd);
  return pid < 0 ? -errno : pid;
}

cl_launch_result cl_launch(cl_slot *slot, const cl_launch_request *request) {
  struct child child = {.request = request, .slot = slot, .parent = getpid()};
  snprintf(child.out_of_memory_score, sizeof child.out_of_memory_score, "%d", request->out_of_memory_score);

  cl_slot_begin(slot);
  /* A handler that ran in the child would run in our memory, on the wrong stack. */
  signal_set mask;
  set_signal_mask(~(signal_set)0, &mask);
  long pid = start_child(&child);
  set_signal_mask(mask, NULL);
  bool observed = cl_slot_end(slot);

  if (pid < 0) return (cl_launch_result){.step = CL_STEP_CLONE, .error = (int)-pid, .pid = -1, .pidfd = -1};
  return (cl_launch_result){
      .step = (cl_step)slot->step,
      .error = slot->error,
      .pid = (pid_t)pid,
      .pidfd = slot->pidfd,
      .observed = observed,
  };
}
