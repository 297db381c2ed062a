/*
 * The guardian: the process that the client knows. It passes signals on to the host, its child, and waits; if the host
 * dies it ends what the host leaves behind and sees to it that the ledger hears of it.
 *
 * The host is in a session of its own. So what a terminal or timeout(1) sends to the client's whole process group
 * reaches the guardian alone, and the host gets each signal once.
 */
#define _GNU_SOURCE
#include "guard.h"
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  TROUBLE = 3,               /* the exit code for a host that was killed */
  SWEEP_BOUND_MS = 5000,     /* for what dies slowly, or forks fast; what will not die is left to others */
  RECOVERY_BOUND_MS = 5000,  /* for the ledger, which somebody may hold */
  FIRST_FREE = STDERR_FILENO + 1,
  REPEAT_WINDOW_MS = 200,    /* in which timeout(1) sends all it sends, on a busy machine too */
};

/* The kernel's own signal set: glibc's calls will not touch the two signals it keeps for itself. */
typedef uint64_t signal_set;

static signal_set bit(int signal) { return (signal_set)1 << (signal - 1); }

static void set_signal_mask(int how, signal_set mask, signal_set *old) {
  syscall(SYS_rt_sigprocmask, how, &mask, old, sizeof mask);
}

/* What was set before, and is set again in the host and before exec. */
struct settings {
  signal_set mask;
  struct sigaction child;
};

struct guard {
  pid_t host; /* our child, and nobody else reaps it: the number stays its own */
  bool adopts;
  struct settings before;
  signal_set ignored; /* by whoever started us, as nohup does */
  struct {
    int signal;
    pid_t sender;
    int64_t at;
    bool is_held; /* it came again, and is passed on when the window is over */
  } last;
};

/* ---- Signals ---- */

/*
 * timeout(1) signals its child, then its whole group, which its child is in, then continues both: that is one signal.
 * So a second one like the first is held back for a moment, and forgotten when its sender continues us; from anybody
 * else it is a second one. What the kernel sends, as for Ctrl-C, is never a repetition.
 */
static void pass_on(struct guard *guard, int signal, const siginfo_t *info) {
  int64_t now = cl_milliseconds();
  if (guard->last.is_held) kill(guard->host, guard->last.signal);
  guard->last.is_held = info->si_code <= 0 && guard->last.signal == signal && guard->last.sender == info->si_pid &&
                        now < guard->last.at + REPEAT_WINDOW_MS;
  if (guard->last.is_held) return;
  guard->last.signal = signal;
  guard->last.sender = info->si_code <= 0 ? info->si_pid : -1;
  guard->last.at = now;
  kill(guard->host, signal);
  /* A host that was stopped hears it as well. */
  kill(guard->host, SIGCONT);
}

/* Ctrl-Z: host and guardian stop, and go on together. */
static void stop_together(const struct guard *guard) {
  kill(guard->host, SIGSTOP);
  /* As if it had never been held back: we stop, unless in an orphaned group, where nobody would continue us. */
  raise(SIGTSTP);
  set_signal_mask(SIG_UNBLOCK, bit(SIGTSTP), NULL);
  set_signal_mask(SIG_BLOCK, bit(SIGTSTP), NULL);
  kill(guard->host, SIGCONT);
}

/*
 * A signal that was to be ignored is: HUP under nohup, a terminal's INT in a shell's background. But INT from a process
 * that names us is meant for us.
 */
static bool is_ignored(const struct guard *guard, const siginfo_t *info) {
  if ((guard->ignored & bit(info->si_signo)) == 0) return false;
  return info->si_signo == SIGHUP || info->si_code > 0;
}

static void signalled(struct guard *guard, const siginfo_t *info) {
  if (is_ignored(guard, info)) return;
  switch (info->si_signo) {
  case SIGINT:
  case SIGTERM:
  case SIGHUP:
  case SIGQUIT: return pass_on(guard, info->si_signo, info);
  /* What ends any program ends this one, in good order. */
  case SIGUSR1:
  case SIGUSR2:
  case SIGALRM: return pass_on(guard, SIGTERM, info);
  case SIGTSTP: return stop_together(guard);
  case SIGCONT:
    if (guard->last.sender == info->si_pid) guard->last.is_held = false;
    kill(guard->host, SIGCONT);
    return;
  default: return;
  }
}

/* The next signal; 0 when the window of a held one is over, or when the wait was interrupted by a stop. */
static int next_signal(const struct guard *guard, siginfo_t *info) {
  sigset_t all;
  sigfillset(&all);
  if (!guard->last.is_held) return sigwaitinfo(&all, info);
  int64_t left = guard->last.at + REPEAT_WINDOW_MS - cl_milliseconds();
  if (left < 0) left = 0;
  return sigtimedwait(&all, info, &(struct timespec){.tv_nsec = left * 1000000});
}

/* ---- The end of the host ---- */

/* Says what happened, if that holds nothing up. */
static void say_killed(int signal, bool has_work) {
  char line[128];
  const char *name = sigabbrev_np(signal);
  int size = snprintf(line, sizeof line, "reeve: the host was killed (SIG%s)%s\n", name ? name : "?",
                      has_work ? "; its runs are being ended" : "");
  struct pollfd interest = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (poll(&interest, 1, 0) != 1 || (interest.revents & POLLOUT) == 0) return;
  ssize_t written = write(STDERR_FILENO, line, (size_t)size);
  (void)written; /* nobody is left to be told */
}

static void kill_group(void) {
  if (cl_page->group[0] == 0) return;
  char path[sizeof cl_page->group + 16];
  snprintf(path, sizeof path, "%s/cgroup.kill", cl_page->group);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  ssize_t written = write(file, "1", 1);
  (void)written; /* the sweep finds what is left */
  close(file);
}

/* Becomes the program that settles the host's runs in the ledger. Returns if it cannot. */
static void recover(const struct guard *guard, int code) {
  char text[16];
  snprintf(text, sizeof text, "%d", code);
  char *const arguments[] = {"reeve", "recover", "--host", cl_page->host, "--exit", text, NULL};
  /* What was meant for the host must not end its recovery. */
  sigset_t all;
  sigfillset(&all);
  while (sigtimedwait(&all, NULL, &(struct timespec){0}) > 0) {
  }
  sigaction(SIGCHLD, &guard->before.child, NULL);
  set_signal_mask(SIG_SETMASK, guard->before.mask, NULL);
  execv("/proc/self/exe", arguments);
}

/* Waits for a child of ours, but not for ever. */
static void await_end(pid_t child) {
  int64_t deadline = cl_milliseconds() + RECOVERY_BOUND_MS;
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  while (waitpid(child, NULL, WNOHANG) == 0 && cl_milliseconds() < deadline) {
    sigtimedwait(&ended, NULL, &(struct timespec){.tv_nsec = 100 * 1000000});
  }
}

static _Noreturn void finish(const struct guard *guard, int status) {
  bool was_killed = WIFSIGNALED(status), has_work = cl_page->has_work;
  int code = was_killed ? TROUBLE : WEXITSTATUS(status);
  if (!was_killed && !has_work) _exit(code);
  if (was_killed) say_killed(WTERMSIG(status), has_work);
  cl_let_go_of_stdio();
  bool recovers = has_work && cl_page->is_named;
  if (cl_page->is_named) kill_group();
  /* Beside the sweep, not behind it: a verdict does not wait for what will not die. */
  pid_t recovery = recovers ? fork() : -1;
  if (recovery == 0) {
    recover(guard, 0);
    _exit(TROUBLE);
  }
  if (guard->adopts) cl_sweep(SWEEP_BOUND_MS, recovery);
  if (recovery > 0) await_end(recovery);
  if (recovery < 0 && recovers) recover(guard, code);
  _exit(code);
}

/*
 * The client is let go, and the host buries what is left by itself. Should it be killed at that, somebody must still see
 * to it: a child of ours stays for as long as the host does. It is no ancestor of the host's orphans, but what they are
 * is in the group and in the ledger.
 */
static _Noreturn void let_client_go(const struct guard *guard, bool has_ended) {
  int code = cl_page->code;
  if (has_ended || !cl_page->has_work || !cl_page->is_named) _exit(code);
  /* Our unreaped child, so the number is its own. */
  int host = cl_pidfd_open(guard->host);
  if (host < 0 || fork() != 0) _exit(code);
  setsid();
  cl_let_go_of_stdio();
  /* What the client handed down by number, a lock or a pipe, is let go with it. */
  host = dup2(host, FIRST_FREE);
  if (close_range(FIRST_FREE + 1, ~0U, 0) < 0) {
    for (int descriptor = FIRST_FREE + 1; descriptor < sysconf(_SC_OPEN_MAX); descriptor++) close(descriptor);
  }
  struct pollfd end = {.fd = host, .events = POLLIN};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) {
  }
  if (!cl_page->has_work) _exit(0);
  kill_group();
  recover(guard, 0);
  _exit(0);
}

/* Something happened to a child, or the host has spoken. */
static void look(const struct guard *guard) {
  int status = 0;
  /* In this order: a host that dismisses us and ends has been dismissing before it ended. */
  bool has_ended = waitpid(guard->host, &status, WNOHANG) != 0;
  if (cl_page->is_dismissed) let_client_go(guard, has_ended);
  if (has_ended) finish(guard, status);
}

/* ---- The guardian ---- */

static _Noreturn void stand_guard(struct guard *guard) {
  prctl(PR_SET_NAME, "reeve-guardian");
  for (int signal = 1; signal < SIGRTMIN; signal++) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN) guard->ignored |= bit(signal);
  }
  for (;;) {
    siginfo_t info;
    int signal = next_signal(guard, &info);
    if (signal == SIGCHLD) {
      look(guard);
    } else if (signal > 0) {
      signalled(guard, &info);
    } else if (errno == EAGAIN && guard->last.is_held) {
      guard->last.is_held = false;
      kill(guard->host, guard->last.signal);
    }
  }
}

/*
 * Children from before, as of a shell that became us by exec, and what they leave behind could not be told from the
 * host's: then there is no adoption, and no sweep.
 */
static bool adopt_orphans(void) {
  siginfo_t info;
  bool has_children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
  return !has_children && cl_become_subreaper() == 0;
}

/* ---- The fork ---- */

static void begin_host(void) {
  setsid();
  /* The guardian's death is the client's. Of all signals this one also reaches a host that is stopped; what it means
     shows by the parent. It may have come already. */
  prctl(PR_SET_PDEATHSIG, SIGCONT);
  cl_guardian_handle = cl_pidfd_open(cl_guardian);
  /* Still our parent, so that is whom the number stood for. */
  if (getppid() != cl_guardian) _exit(TROUBLE);
}

int cl_guard_stand(bool is_bystander) {
  cl_page = mmap(NULL, sizeof *cl_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (cl_page == MAP_FAILED) {
    cl_page = NULL;
    return -1;
  }
  struct guard guard = {0};
  /* Everything, before the fork: what comes in between waits for the guardian. A true fault is not held up by it. */
  set_signal_mask(SIG_SETMASK, ~(signal_set)0, &guard.before.mask);
  /* Were it ignored, the kernel would reap the host by itself. */
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &usual, &guard.before.child);
  guard.adopts = adopt_orphans();
  cl_guardian = getpid();
  guard.host = fork();
  if (guard.host > 0) {
    if (is_bystander) cl_let_go_up_to(STDOUT_FILENO);
    stand_guard(&guard);
  }
  int error = errno;
  sigaction(SIGCHLD, &guard.before.child, NULL);
  signal_set mask = guard.before.mask;
  if (guard.host == 0) {
    begin_host();
    /* The guardian may pass these on before the host is ready to take them: they wait for its signal queue. */
    mask |= bit(SIGINT) | bit(SIGTERM) | bit(SIGHUP) | bit(SIGQUIT) | bit(SIGCONT);
    /* This thread will not take it; did it not hold it back, the kernel would drop it. */
    mask |= bit(SIGCHLD);
  } else {
    cl_guardian = 0;
  }
  set_signal_mask(SIG_SETMASK, mask, NULL);
  errno = error;
  return guard.host;
}
