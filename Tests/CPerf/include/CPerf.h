#pragma once
#include <sys/types.h>

/*
 * A descriptor from which the kernel's count of a thread's system calls can be read, eight bytes, from now on: the thread
 * does not notice. `event` is the number of the tracepoint raw_syscalls:sys_enter. -1 and errno where it cannot be had.
 */
int cp_count_system_calls(pid_t thread, unsigned long event);

/* The same for waits in epoll alone. */
int cp_count_epoll_waits(pid_t thread, unsigned long event);
