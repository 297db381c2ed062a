/*
 * The least that a figure can cost on this machine, and the agents that everybody is measured with.
 *
 *   BenchLimits WORD [ARGUMENT] ...
 *
 * A limit prints one number, the figure. `usage` lists the words.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "limits\n"
    "  spawn COUNT K          whole lives of /bin/true by vfork and waitpid, K in flight: a second\n"
    "  exit-latency COUNT     from a child's exit to epoll telling of it: microseconds, median\n"
    "  final-latency COUNT    from a line that is written to having read it: microseconds, median\n"
    "  first-event COUNT      from vfork to having read a line of it: microseconds, median\n"
    "  ingest AGENT LINES K FOLDER\n"
    "                         read K agents, split into lines, write into files: seconds\n"
    "  tree-kill COUNT        kill a group of so many and reap them: milliseconds\n"
    "agents\n"
    "  spew LINES             lines of 200 bytes in large blocks, and a final word\n"
    "  drip LINES             the same, each line written by itself\n"
    "  stamp-exit FILE        live for 10 ms, write the time into FILE and exit\n"
    "  final                  a final word that carries the time, then 100 ms more\n"
    "  hello                  one line\n"
    "  quiet                  one line, then nothing for ever\n"
    "  tree COUNT             so many children that sleep\n"
    "Called as “finish” it notes that a service has run, and tells its supervisor not to start it again.\n";

int main(int count, char **arguments) {
  const char *name = strrchr(arguments[0], '/');
  if (strcmp(name != NULL ? name + 1 : arguments[0], "finish") == 0) return finish();
  const char *word = count > 1 ? arguments[1] : "";
  const int rest = count - 2;
  char **more = arguments + 2;
  if (strcmp(word, "spawn") == 0 && rest == 2) return spawn(number(more[0]), number(more[1]));
  if (strcmp(word, "exit-latency") == 0 && rest == 1) return exit_latency(number(more[0]));
  if (strcmp(word, "final-latency") == 0 && rest == 1) return final_latency(number(more[0]));
  if (strcmp(word, "first-event") == 0 && rest == 1) return first_event(number(more[0]));
  if (strcmp(word, "ingest") == 0 && rest == 4)
    return ingest(more[0], number(more[1]), number(more[2]), more[3]);
  if (strcmp(word, "tree-kill") == 0 && rest == 1) return tree_kill(number(more[0]));
  if (strcmp(word, "spew") == 0 && rest == 1) return spew(number(more[0]), 0);
  if (strcmp(word, "drip") == 0 && rest == 1) return spew(number(more[0]), 1);
  if (strcmp(word, "stamp-exit") == 0 && rest == 1) return stamp_exit(more[0]);
  if (strcmp(word, "final") == 0 && rest == 0) return final_word();
  if (strcmp(word, "hello") == 0 && rest == 0) return hello();
  if (strcmp(word, "quiet") == 0 && rest == 0) return quiet();
  if (strcmp(word, "tree") == 0 && rest == 1) return tree(number(more[0]));
  fputs(usage, stderr);
  return 2;
}
