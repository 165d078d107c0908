/*
 * Makes system calls under a filter: filtered FILTER CALLS ANSWERS. FILTER is an array of struct
 * sock_filter; CALLS has seven 64-bit numbers for each call, its own and six arguments; ANSWERS is as
 * long as there are calls, and gets 32 bits for each: the errno, 0 for one that was made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The filter lets exit_group pass with this status alone. */
#define STATUS 42

static void *mapped(const char *path, size_t *length, int shared) {
  int fd = open(path, O_RDWR);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat) != 0) return NULL;
  *length = stat.st_size;
  return mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
}

int main(int argc, char **argv) {
  size_t filter_length, calls_length, answers_length;
  if (argc != 4) return 2;
  struct sock_filter *filter = mapped(argv[1], &filter_length, 0);
  long (*calls)[7] = mapped(argv[2], &calls_length, 0);
  int *answers = mapped(argv[3], &answers_length, 1);
  if (filter == NULL || calls == NULL || answers == NULL) return perror("files"), 2;
  struct sock_fprog program = { filter_length / sizeof *filter, filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return perror("no_new_privs"), 2;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return perror("seccomp"), 2;
  size_t count = calls_length / sizeof *calls;
  for (size_t i = 0; i < count; i++) {
    long *c = calls[i];
    answers[i] = syscall(c[0], c[1], c[2], c[3], c[4], c[5], c[6]) == -1 ? errno : 0;
  }
  syscall(SYS_exit_group, STATUS);
  return 2;
}
