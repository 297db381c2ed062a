/* What guard.c (the guardian), sweep.c (its last act) and guarded.c (the host's side) share. */
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* What the host tells its guardian. The page is shared by these two alone, so nobody else can speak for the host. */
struct guard_page {
  atomic_bool has_work;
  atomic_bool is_named; /* host and group are whole */
  atomic_bool is_dismissed;
  atomic_int code; /* to exit with when dismissed */
  char host[64];
  char group[PATH_MAX]; /* its cgroup's directory; may be empty */
};
extern struct guard_page *cl_page;

/* In the host: its guardian, 0 when it has none. */
extern pid_t cl_guardian;

/* The same as a descriptor, opened while there surely is one to be had; -1 without. */
extern int cl_guardian_handle;

/* Puts /dev/null in the place of stdio: nobody is to wait for an end of file because of us. */
void cl_let_go_of_stdio(void);

/* The same for stdin, or stdin and stdout, or all three. */
void cl_let_go_up_to(int last);

/* The monotonic clock. */
int64_t cl_milliseconds(void);

/*
 * Kills every descendant of this process, which must be a subreaper with all signals blocked, and reaps them, until none
 * is left or the bound is over. One child is spared, with what it starts; its pid, or none above 0.
 */
void cl_sweep(int64_t bound_milliseconds, pid_t spared);
