/* Calls and constants that Swift's Glibc module cannot see, because they need _GNU_SOURCE or are variadic. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Headers older than the kernel lack it. */
enum { WAIT_BY_PIDFD = 3 };

const int cl_o_path = O_PATH;
const int cl_get_pipe_size = F_GETPIPE_SZ;

const char *cl_error_name(int code) { return strerrorname_np(code); }

int cl_pipe2(int descriptors[2], int flags) { return pipe2(descriptors, flags); }

int cl_set_pipe_size(int descriptor, int bytes) { return fcntl(descriptor, F_SETPIPE_SZ, bytes); }

int cl_bytes_waiting(int descriptor, int *bytes) { return ioctl(descriptor, FIONREAD, bytes); }

int cl_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int cl_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static int64_t nanoseconds(struct timeval time) {
  return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

int cl_wait_pidfd(int pidfd, cl_wait wait, cl_ending *ending) {
  int options = WEXITED;
  if (wait != CL_WAIT_STAY) options |= WNOHANG;
  if (wait == CL_WAIT_PEEK) options |= WNOWAIT;
  siginfo_t info = {0}; /* si_pid stays 0 when WNOHANG finds nothing */
  struct rusage usage = {0};
  /* glibc's waitid() hides the rusage that the system call gives. */
  if (syscall(SYS_waitid, WAIT_BY_PIDFD, pidfd, &info, options, &usage) < 0) return -1;
  if (info.si_pid == 0) return 0;
  *ending = (cl_ending){
      .by_signal = info.si_code != CLD_EXITED,
      .status = info.si_status,
      .cpu_nanoseconds = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime),
      .max_resident_bytes = (int64_t)usage.ru_maxrss * 1024,
  };
  return 1;
}

int cl_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

ssize_t cl_get_attribute(const char *path, const char *name, void *value, size_t size) {
  return getxattr(path, name, value, size);
}

int cl_signal_descriptor(const int *signals, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < count; i++) {
    if (sigaddset(&set, signals[i]) < 0) return -1;
  }
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cl_next_signal(int descriptor, cl_signal *signal) {
  struct signalfd_siginfo info;
  ssize_t size = read(descriptor, &info, sizeof info);
  if (size < 0) return errno == EAGAIN ? 0 : -1;
  /* si_code is above 0 for what the kernel raised, 0 (SI_USER) or below for what a process sent. */
  bool from_kernel = info.ssi_code > 0;
  /* A child that is stopped or goes on raises it as well. */
  bool has_ended = info.ssi_signo == SIGCHLD &&
                   (info.ssi_code == CLD_EXITED || info.ssi_code == CLD_KILLED || info.ssi_code == CLD_DUMPED);
  *signal = (cl_signal){
      .number = (int)info.ssi_signo,
      .sender = from_kernel ? 0 : (int)info.ssi_pid,
      .child = has_ended ? (int)info.ssi_pid : 0,
      .from_kernel = from_kernel,
  };
  return 1;
}

int cl_watch_entries(const char *path) {
  int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (descriptor < 0) return -1;
  if (inotify_add_watch(descriptor, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0) return descriptor;
  int code = errno;
  close(descriptor);
  errno = code;
  return -1;
}

int cl_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int cl_peer_credentials(int socket, pid_t *pid, uid_t *uid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -1;
  *pid = peer.pid;
  *uid = peer.uid;
  return 0;
}

void cl_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

/* Both are asked for what they refuse: a size of nothing, a range that ends before it begins. */
bool cl_knows_clone3(void) { return syscall(SYS_clone3, NULL, 0) < 0 && errno == EINVAL; }

bool cl_knows_close_range(void) { return close_range(1, 0, 0) < 0 && errno == EINVAL; }

int64_t cl_file_system(const char *path, int64_t *free_bytes) {
  struct statfs system;
  if (statfs(path, &system) < 0) return -1;
  *free_bytes = (int64_t)system.f_bavail * (int64_t)system.f_bsize;
  return (int64_t)(uint32_t)system.f_type;
}
