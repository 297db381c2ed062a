/* The host's side of its guardian. */
#define _GNU_SOURCE
#include "guard.h"
#include "CLinux.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct guard_page *cl_page;
pid_t cl_guardian;
int cl_guardian_handle = -1;

void cl_let_go_of_stdio(void) { cl_let_go_up_to(STDERR_FILENO); }

void cl_let_go_up_to(int last) {
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int descriptor = 0; descriptor <= last; descriptor++) {
    if (nowhere < 0) {
      close(descriptor);
    } else if (descriptor != nowhere) {
      dup2(nowhere, descriptor);
    }
  }
  if (nowhere > last) close(nowhere);
}

bool cl_guard_stands(void) { return cl_guardian != 0 && getppid() == cl_guardian; }

void cl_guard_note(const char *host, const char *group) {
  if (cl_guardian == 0 || strlen(host) >= sizeof cl_page->host) return;
  cl_page->is_named = false;
  strcpy(cl_page->host, host);
  /* The kernel knows no longer path. */
  strcpy(cl_page->group, strlen(group) < sizeof cl_page->group ? group : "");
  cl_page->is_named = true;
}

void cl_guard_set_work(bool has_work) {
  /* Also when the guardian is dismissed: somebody looks on until the end. */
  if (cl_page != NULL) cl_page->has_work = has_work;
}

void cl_guard_dismiss(int code) {
  if (cl_guardian == 0) return;
  prctl(PR_SET_PDEATHSIG, 0);
  cl_let_go_of_stdio();
  cl_page->code = code;
  cl_page->is_dismissed = true;
  if (cl_guardian_handle >= 0) {
    cl_pidfd_send_signal(cl_guardian_handle, SIGCHLD);
    close(cl_guardian_handle);
    cl_guardian_handle = -1;
  } else if (getppid() == cl_guardian) {
    kill(cl_guardian, SIGCHLD);
  }
  cl_guardian = 0;
}
