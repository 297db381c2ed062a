/*
 * Stands in front of libc and SQLite, and has the Nth call fail.
 *
 *   LD_PRELOAD=libFaults.so REEVE_FAULTS=system:N|sqlite:N REEVE_FAULTS_MARK=FILE program
 *   LD_PRELOAD=libFaults.so REEVE_FAULTS=broken:CODE REEVE_FAULTS_MARK=FILE program
 *
 * Calls are counted in each process by itself. The one that fails makes FILE, and where FILE exists none fails any more:
 * so there is one fault, whatever forks or execs. A run in which FILE was not made had fewer than N calls.
 *
 *   LD_PRELOAD=libFaults.so REEVE_FAULTS=stray:FD REEVE_FAULTS_MARK=FILE program
 *
 * With `stray` whoever waits in epoll first prints a line to descriptor FD, as a library might.
 *
 * With `broken` every step of an SQLite statement fails with the code, as long as FILE is there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long counted;
static long wanted;
static bool is_system, is_sqlite, is_broken, is_stray;
static const char *mark;

/* Not by the functions below: this must neither count nor fail. */
static bool make_mark(const char *name) {
  long file = syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return false;
  /* For whoever wonders which call it was. */
  syscall(SYS_write, file, name, strlen(name));
  syscall(SYS_close, file);
  return true;
}

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("REEVE_FAULTS");
  mark = getenv("REEVE_FAULTS_MARK");
  if (text == NULL || mark == NULL) return;
  const char *number = strchr(text, ':');
  if (number == NULL) return;
  is_broken = strncmp(text, "broken", 6) == 0;
  wanted = atol(number + 1);
  is_stray = strncmp(text, "stray", 5) == 0;
  if (is_broken || syscall(SYS_faccessat, AT_FDCWD, mark, F_OK) == 0) return;
  is_system = strncmp(text, "system", 6) == 0;
  is_sqlite = strncmp(text, "sqlite", 6) == 0;
}

static bool is_due(bool counts, const char *name) {
  return counts && atomic_fetch_add(&counted, 1) + 1 == wanted && make_mark(name);
}

static bool fails(int code, const char *name) {
  if (!is_due(is_system, name)) return false;
  errno = code;
  return true;
}

/* Whether a file is one that has a disk or a peer behind it: the kernel's own, like an eventfd, do not fail like that. */
static bool is_fallible(int file) {
  struct stat status;
  return syscall(SYS_fstat, file, &status) == 0 && (status.st_mode & S_IFMT) != 0;
}

/* The function that is stood in front of. */
#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define FAULTY(result, name, code, failure, parameters, arguments) \
  result name parameters { \
    REAL(name); \
    if (fails(code, #name)) return failure; \
    return real arguments; \
  }

#define FAULTY_OPEN(name, parameters, arguments) \
  int name parameters { \
    REAL(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list list; \
      va_start(list, flags); \
      mode = va_arg(list, mode_t); \
      va_end(list); \
    } \
    if (fails(EMFILE, #name)) return -1; \
    return real arguments; \
  }

FAULTY_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
FAULTY_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
FAULTY_OPEN(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
FAULTY_OPEN(openat64, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))

ssize_t read(int file, void *to, size_t count) {
  REAL(read);
  if (is_fallible(file) && fails(EIO, "read")) return -1;
  return real(file, to, count);
}

ssize_t write(int file, const void *from, size_t count) {
  REAL(write);
  if (is_fallible(file) && fails(ENOSPC, "write")) return -1;
  return real(file, from, count);
}

FAULTY(ssize_t, pread, EIO, -1, (int file, void *to, size_t count, off_t at), (file, to, count, at))
FAULTY(ssize_t, pread64, EIO, -1, (int file, void *to, size_t count, off64_t at), (file, to, count, at))
FAULTY(ssize_t, pwrite, ENOSPC, -1, (int file, const void *from, size_t count, off_t at), (file, from, count, at))
FAULTY(ssize_t, pwrite64, ENOSPC, -1, (int file, const void *from, size_t count, off64_t at), (file, from, count, at))
FAULTY(int, fsync, EIO, -1, (int file), (file))
FAULTY(int, fdatasync, EIO, -1, (int file), (file))
FAULTY(int, ftruncate, EIO, -1, (int file, off_t length), (file, length))
FAULTY(int, ftruncate64, EIO, -1, (int file, off64_t length), (file, length))
FAULTY(int, fstat, EIO, -1, (int file, struct stat *status), (file, status))
FAULTY(int, fstat64, EIO, -1, (int file, struct stat64 *status), (file, status))
FAULTY(int, fstatat, EIO, -1, (int at, const char *path, struct stat *status, int flags), (at, path, status, flags))
FAULTY(int, mkdir, ENOSPC, -1, (const char *path, mode_t mode), (path, mode))
FAULTY(int, mkdirat, ENOSPC, -1, (int at, const char *path, mode_t mode), (at, path, mode))
FAULTY(int, unlinkat, EBUSY, -1, (int at, const char *path, int flags), (at, path, flags))
FAULTY(int, pipe2, EMFILE, -1, (int pipe[2], int flags), (pipe, flags))
FAULTY(int, eventfd, EMFILE, -1, (unsigned int count, int flags), (count, flags))
FAULTY(int, signalfd, EMFILE, -1, (int file, const sigset_t *mask, int flags), (file, mask, flags))
FAULTY(int, epoll_create1, EMFILE, -1, (int flags), (flags))
FAULTY(int, epoll_ctl, ENOMEM, -1, (int epoll, int what, int file, struct epoll_event *event), (epoll, what, file, event))
FAULTY(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
FAULTY(int, bind, ENOMEM, -1, (int file, const struct sockaddr *address, socklen_t length), (file, address, length))
FAULTY(int, listen, ENOMEM, -1, (int file, int backlog), (file, backlog))
FAULTY(pid_t, fork, EAGAIN, -1, (void), ())

/* To let go of a lock never fails. */
static bool is_letting_go(int command, void *argument) {
  bool locks = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
  return locks && argument != NULL && ((struct flock *)argument)->l_type == F_UNLCK;
}

#define FAULTY_FCNTL(name) \
  int name(int file, int command, ...) { \
    REAL(name); \
    va_list list; \
    va_start(list, command); \
    void *argument = va_arg(list, void *); \
    va_end(list); \
    if (!is_letting_go(command, argument) && fails(command == F_DUPFD_CLOEXEC ? EMFILE : ENOLCK, "fcntl")) return -1; \
    return real(file, command, argument); \
  }

FAULTY_FCNTL(fcntl)
FAULTY_FCNTL(fcntl64)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  REAL(pthread_create);
  if (is_due(is_system, "pthread_create")) return EAGAIN;
  return real(thread, attributes, body, argument);
}

/*
 * SQLite's own: its types are not needed, only how many there are.
 *
 * It calls some of these itself, and does not expect them to fail without having been tried: only who is outside counts.
 */
enum { SQLITE_IOERR = 10 };

static bool is_outside(void *caller) {
  Dl_info info;
  return dladdr(caller, &info) == 0 || info.dli_fname == NULL || strstr(info.dli_fname, "libsqlite3") == NULL;
}

#define FAULTY_SQLITE(name, parameters, arguments) \
  int name parameters { \
    static int(*real) parameters; \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, #name); \
    if (is_due(is_sqlite && is_outside(__builtin_return_address(0)), #name)) return SQLITE_IOERR; \
    return real arguments; \
  }

FAULTY_SQLITE(sqlite3_open_v2, (const char *path, void **handle, int flags, const char *vfs), (path, handle, flags, vfs))
FAULTY_SQLITE(
    sqlite3_exec, (void *handle, const char *sql, void *callback, void *context, char **message),
    (handle, sql, callback, context, message))
FAULTY_SQLITE(
    sqlite3_prepare_v3,
    (void *handle, const char *sql, int length, unsigned int flags, void **statement, const char **tail),
    (handle, sql, length, flags, statement, tail))

int sqlite3_step(void *statement) {
  static int (*real)(void *);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
  bool counts = is_outside(__builtin_return_address(0));
  if (counts && is_broken && syscall(SYS_faccessat, AT_FDCWD, mark, F_OK) == 0) return (int)wanted;
  if (is_due(is_sqlite && counts, "sqlite3_step")) return SQLITE_IOERR;
  return real(statement);
}

FAULTY_SQLITE(sqlite3_bind_int64, (void *statement, int index, long long value), (statement, index, value))
FAULTY_SQLITE(sqlite3_bind_null, (void *statement, int index), (statement, index))
FAULTY_SQLITE(
    sqlite3_bind_text, (void *statement, int index, const char *text, int length, void (*end)(void *)),
    (statement, index, text, length, end))

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout) {
  REAL(epoll_wait);
  if (is_stray) syscall(SYS_write, (int)wanted, "stray\n", 6);
  return real(epoll, events, room, timeout);
}
