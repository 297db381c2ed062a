/*
 * What the programs of the benchmark share: time, endings, and starting a program as fast as the machine can.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* How many bytes a pipe is asked to hold: what Reeve asks for its agents' output. */
#define PIPE_BYTES (256 * 1024)
/* How long a line of `spew` is, its newline included. */
#define LINE_BYTES 200

/* The monotonic clock, in nanoseconds. */
int64_t now(void);

/* Says why on stderr and ends: a figure that cannot be trusted is none. */
_Noreturn void fail(const char *what);

long number(const char *text);

/* Starts a program by vfork; its stdout is `output` unless that is -1. */
pid_t start(char *const arguments[], int output);

/* A pipe of PIPE_BYTES, both ends closed on exec. */
void make_pipe(int ends[2]);

int compare_numbers(const void *left, const void *right);

/* The agents. */
int spew(long lines, int one_by_one);
int stamp_exit(const char *file);
int final_word(void);
int hello(void);
int quiet(void);
int tree(long children);
int finish(void);

/* The limits. */
int spawn(long count, long in_flight);
int exit_latency(long samples);
int final_latency(long samples);
int first_event(long samples);
int ingest(char *word, long lines, long agents, const char *folder);
int tree_kill(long children);
