/* What Swift's Glibc module lacks, and everything between clone and exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/* ---- Thin calls (linux.c). Each returns what the kernel's call returns, with errno. ---- */

extern const int cl_o_path;
extern const int cl_get_pipe_size;

/* The symbolic name of an errno, such as "ENOENT"; NULL for a number that has none. */
const char *cl_error_name(int code);

int cl_pipe2(int descriptors[2], int flags);
int cl_set_pipe_size(int descriptor, int bytes);
int cl_bytes_waiting(int descriptor, int *bytes);

int cl_pidfd_open(pid_t pid);
int cl_pidfd_send_signal(int pidfd, int signal);

/* How a process ended and what it used, together with the descendants it waited for. */
typedef struct {
  bool by_signal;
  int status; /* exit code or signal number */
  int64_t cpu_nanoseconds;
  int64_t max_resident_bytes;
} cl_ending;

/* What cl_wait_pidfd does besides looking. */
typedef enum {
  CL_WAIT_PEEK, /* return at once; the zombie stays */
  CL_WAIT_REAP, /* return at once; a zombie is reaped */
  CL_WAIT_STAY, /* wait for the end, and reap */
} cl_wait;

/* 1 and the ending, 0 while the child lives, or -1. */
int cl_wait_pidfd(int pidfd, cl_wait wait, cl_ending *ending);

int cl_become_subreaper(void);

/* Whether this kernel, and whatever filters its calls, knows them. */
bool cl_knows_clone3(void);
bool cl_knows_close_range(void);

/* The number of the file system's kind, as statfs(2) has it; -1 with errno. */
int64_t cl_file_system(const char *path, int64_t *free_bytes);

ssize_t cl_get_attribute(const char *path, const char *name, void *value, size_t size);

/* A nonblocking descriptor that yields these signals, which the caller has blocked. */
int cl_signal_descriptor(const int *signals, size_t count);

typedef struct {
  int number;
  int sender;       /* pid, 0 when the kernel itself sent it */
  int child;        /* pid of a child that has ended, where the kernel says so; several may stand behind one */
  bool from_kernel; /* not sent by kill: a terminal's Ctrl-C, a dead child */
} cl_signal;

/* 1 and the next signal, 0 when none waits, or -1. */
int cl_next_signal(int descriptor, cl_signal *signal);

/* A nonblocking descriptor that becomes readable when something is put into this directory. */
int cl_watch_entries(const char *path);

int cl_accept(int listener);
int cl_peer_credentials(int socket, pid_t *pid, uid_t *uid);

/* ---- The launch slot (slot.c) ---- */

/*
 * What one launching thread needs again and again (a guarded stack) and what others may see of a launch that is under
 * way. Every function may be called from any thread; a slot serves one launch at a time.
 *
 * Who owns the pidfd:
 *   - from clone until cl_launch returns, the slot does, and nobody else may close or keep its number;
 *   - cl_slot_observe hands out a duplicate, which belongs to its caller and stays good whatever the launch does;
 *   - once cl_launch has returned, its caller does, and the slot shows no launch any more.
 */
typedef struct cl_slot cl_slot;

/* NULL with errno when there is no memory. */
cl_slot *cl_slot_create(void);
void cl_slot_destroy(cl_slot *slot);

/* A duplicate of the pidfd of the launch under way, its pid and when it began (CLOCK_MONOTONIC, ns); -1 when none is
   between clone and exec. */
int cl_slot_observe(cl_slot *slot, pid_t *pid, int64_t *began);

/* ---- Launching (launch.c) ---- */

/* What the child was doing when it failed. */
typedef enum {
  CL_STEP_NONE,
  CL_STEP_CLONE,
  CL_STEP_PDEATHSIG,
  CL_STEP_CGROUP,
  CL_STEP_SETSID,
  CL_STEP_CHDIR,
  CL_STEP_DESCRIPTORS,
  CL_STEP_SIGNALS,
  CL_STEP_LIMITS,
  CL_STEP_PRIVILEGES,
  CL_STEP_EXEC,
} cl_step;

typedef struct {
  const char *program;
  const char *const *arguments;
  const char *const *environment;
  const char *directory;
  int input, output, error;
  int cgroup; /* directory in the v2 tree to be born into, or -1 */
  const int *joined_cgroups; /* directories in v1 trees, joined by the child before anything else */
  size_t joined_cgroup_count;
  bool sets_out_of_memory_score;
  int out_of_memory_score;
  bool sets_open_files;
  uint64_t open_files_soft, open_files_hard;
  bool may_gain_privileges;
  bool uses_clone3;
  bool uses_close_range;
} cl_launch_request;

typedef struct {
  cl_step step; /* CL_STEP_NONE when exec took place, or when the child was killed before it */
  int error;    /* errno of that step */
  pid_t pid;
  int pidfd;     /* -1 after CL_STEP_CLONE; otherwise the caller's: to reap the child with, and to close */
  bool observed; /* somebody took a duplicate of the pidfd, and so may have killed the child before exec */
} cl_launch_result;

/*
 * Blocks until the child has run exec or ended. The child dies with the calling thread (PDEATHSIG).
 *
 * The kernel wakes us in the middle of exec, when the child has left our memory: a moment later it closes what is marked
 * close-on-exec. Until then, and as long as a launch is stuck, the child holds a copy of every descriptor of ours.
 */
cl_launch_result cl_launch(cl_slot *slot, const cl_launch_request *request);

/* Names the calling thread, as `ps -T` shows it; at most 15 bytes. */
void cl_name_thread(const char *name);

/* ---- The guardian (guard.c, sweep.c, guarded.c) ---- */

/*
 * Forks, in a process with a single thread. The parent becomes the guardian and never returns; the child is the host,
 * where this returns 0. -1 with errno when there is no fork. A bystander lets go of stdin and stdout: what is said there
 * is between the client and the host, and ends with the host.
 */
int cl_guard_stand(bool is_bystander);

/* In the host: whether its guardian lives, and has not been dismissed. */
bool cl_guard_stands(void);

/* In the host: the arguments for its recovery and, for what it leaves behind, its cgroup's directory or "". */
void cl_guard_note(const char *host, const char *group);

/* In the host: whether there would be anything to settle. */
void cl_guard_set_work(bool has_work);

/* In the host: lets go of stdio, and has the guardian exit with this code. The host is on its own from then on. */
void cl_guard_dismiss(int code);
