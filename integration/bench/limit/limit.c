/* What the benchmark starts as a program, and what it measures beside the
 * supervisors: for each task the least that the system lets one do. A first
 * word says which. Times are those of CLOCK_MONOTONIC, in nanoseconds, so that
 * they can be compared across processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(99);
}

/* note appends who and when to a file; short writes with O_APPEND stay whole. */
static void note(const char *file) {
  int64_t rec[2];
  rec[1] = now();
  rec[0] = getpid();
  int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, rec, sizeof rec) != sizeof rec) die(file);
  close(fd);
}

static void writeall(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR) continue;
    if (w < 0) die("write");
    p += w;
    n -= w;
  }
}

/* alive FILE: says that it lives, and waits to be ended. */
static _Noreturn void alive(const char *file) {
  note(file);
  for (;;) pause();
}

/* write FILE SIZE COUNT WIDTH [once]: COUNT writes of SIZE bytes, which are numbered
 * lines of WIDTH bytes; FILE gets a note before the first and after the last. */
static int writer(char **a) {
  size_t size = atol(a[1]), width = atol(a[3]);
  long count = atol(a[2]), line = 0;
  char *buf = malloc(size), digits[21];
  if (!buf || width < 13 || size % width) die("sizes");
  memset(buf, '.', size);
  for (size_t i = width - 1; i < size; i += width) buf[i] = '\n';
  note(a[0]);
  for (long i = 0; i < count; i++) {
    for (size_t at = 0; at < size; at += width, line++) {
      long n = line;
      for (int d = 11; d >= 0; d--, n /= 10) digits[d] = '0' + n % 10;
      memcpy(buf + at, digits, 12);
    }
    writeall(1, buf, size);
  }
  note(a[0]);
  if (a[4]) return 0;
  for (;;) pause();
}

/* tick COUNT MICROSECONDS [once]: lines that hold the time at which they are written. */
static int tick(char **a) {
  long count = atol(a[0]);
  struct timespec gap = {0, atol(a[1]) * 1000};
  for (long i = 0; i < count; i++) {
    char line[32];
    nanosleep(&gap, NULL);
    int n = snprintf(line, sizeof line, "%020lld\n", (long long)now());
    writeall(1, line, n);
  }
  if (a[2]) return 0;
  for (;;) pause();
}

/* copy FILE: stdin to FILE, read and write and nothing else. */
static int copy(const char *file) {
  static char buf[65536];
  int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (fd < 0) die(file);
  for (;;) {
    ssize_t n = read(0, buf, sizeof buf);
    if (n < 0) die("read");
    if (n == 0) return 0;
    writeall(fd, buf, n);
  }
}

/* pair is a pipe and the file that what comes from it goes to. */
static struct pair {
  int in, out;
} *pairs;
static long npairs;
static int queue;

/* turnabout copies of the pipe that waits the longest, once, until all have ended. */
static void *turnabout(void *buf) {
  struct epoll_event e;
  while (__atomic_load_n(&npairs, __ATOMIC_RELAXED) > 0) {
    if (epoll_wait(queue, &e, 1, 10) < 1) continue;
    struct pair *p = e.data.ptr;
    ssize_t n = read(p->in, buf, 65536);
    if (n < 0) die("read");
    if (n == 0) {
      close(p->in);
      __atomic_sub_fetch(&npairs, 1, __ATOMIC_RELAXED);
      continue;
    }
    writeall(p->out, buf, n);
    e.events = EPOLLIN | EPOLLONESHOT;
    if (epoll_ctl(queue, EPOLL_CTL_MOD, p->in, &e) < 0) die("epoll_ctl");
  }
  return NULL;
}

/* share COUNT DIR COMMAND...: starts the command COUNT times, and copies its outputs to files
 * in the directory; two threads take the pipes in turn. When they are there, so is DIR/ready. */
static int share(char **a) {
  static char bufs[2][65536];
  npairs = atol(a[0]);
  pairs = calloc(npairs, sizeof *pairs);
  queue = epoll_create1(EPOLL_CLOEXEC);
  if (!pairs || queue < 0) die("share");
  for (long i = 0; i < npairs; i++) {
    char file[4096];
    int fds[2];
    snprintf(file, sizeof file, "%s/p%ld.stdout", a[1], i);
    pairs[i].out = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (pairs[i].out < 0) die(file);
    if (pipe2(fds, O_CLOEXEC) < 0) die("pipe2");
    pairs[i].in = fds[0];
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fds[1], 1);
    pid_t pid;
    int err = posix_spawn(&pid, a[2], &files, NULL, a + 2, environ);
    if (err) {
      errno = err;
      die("posix_spawn");
    }
    posix_spawn_file_actions_destroy(&files);
    close(fds[1]);
    struct epoll_event e = {EPOLLIN | EPOLLONESHOT, {.ptr = &pairs[i]}};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, pairs[i].in, &e) < 0) die("epoll_ctl");
  }
  pthread_t other;
  if ((errno = pthread_create(&other, NULL, turnabout, bufs[0]))) die("pthread_create");
  char ready[4096];
  snprintf(ready, sizeof ready, "%s/ready", a[1]);
  note(ready);
  turnabout(bufs[1]);
  pthread_join(other, NULL);
  while (wait(NULL) > 0)
    ;
  return 0;
}

static pid_t launch(char **argv) {
  pid_t pid;
  int err = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
  if (err) {
    errno = err;
    die("posix_spawn");
  }
  return pid;
}

static pid_t *kids;
static long nkids;

static void endkids(int sig) {
  for (long i = 0; i < nkids; i++) kill(kids[i], sig);
  while (wait(NULL) > 0)
    ;
  _exit(0);
}

/* spawn COUNT COMMAND...: a bare loop of posix_spawn; a TERM ends what it started. */
static _Noreturn void spawn(char **a) {
  sigset_t set, old;
  long n = atol(a[0]);
  kids = calloc(n, sizeof *kids);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, &old);
  posix_spawnattr_t attr;
  posix_spawnattr_init(&attr);
  posix_spawnattr_setsigmask(&attr, &old);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
  for (; nkids < n; nkids++) {
    int err = posix_spawn(&kids[nkids], a[1], NULL, &attr, a + 1, environ);
    if (err) {
      errno = err;
      die("posix_spawn");
    }
  }
  signal(SIGTERM, endkids);
  sigprocmask(SIG_SETMASK, &old, NULL);
  for (;;) pause();
}

static int (*ends)[3]; /* ours, of the input and of the two outputs of each */

/* endinturn ends one after the other: the next is told to when the one before is
 * waited for and its outputs are read to their ends. */
static void endinturn(int sig) {
  char buf[4096];
  for (long i = nkids - 1; i >= 0; i--) {
    kill(kids[i], sig);
    while (waitpid(kids[i], NULL, 0) < 0 && errno == EINTR)
      ;
    for (int j = 1; j < 3; j++)
      while (read(ends[i][j], buf, sizeof buf) > 0)
        ;
    for (int j = 0; j < 3; j++) close(ends[i][j]);
  }
  _exit(0);
}

/* turns COUNT COMMAND...: starts with a pipe at each of the three descriptors, and ends
 * what it started when it gets a TERM, one after the other. */
static _Noreturn void turns(char **a) {
  sigset_t set, old;
  long n = atol(a[0]);
  kids = calloc(n, sizeof *kids);
  ends = calloc(n, sizeof *ends);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, &old);
  posix_spawnattr_t attr;
  posix_spawnattr_init(&attr);
  posix_spawnattr_setsigmask(&attr, &old);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
  for (; nkids < n; nkids++) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    int theirs[3];
    for (int j = 0; j < 3; j++) {
      int fds[2], mine = j == 0;
      if (pipe2(fds, O_CLOEXEC) < 0) die("pipe2");
      ends[nkids][j] = fds[mine];
      theirs[j] = fds[!mine];
      posix_spawn_file_actions_adddup2(&files, theirs[j], j);
    }
    int err = posix_spawn(&kids[nkids], a[1], &files, &attr, a + 1, environ);
    if (err) {
      errno = err;
      die("posix_spawn");
    }
    posix_spawn_file_actions_destroy(&files);
    for (int j = 0; j < 3; j++) close(theirs[j]);
  }
  signal(SIGTERM, endinturn);
  sigprocmask(SIG_SETMASK, &old, NULL);
  for (;;) pause();
}

/* respawn COMMAND...: wait, vfork, exec. */
static _Noreturn void respawn(char **a) {
  kids = calloc(1, sizeof *kids);
  nkids = 1;
  signal(SIGTERM, endkids);
  for (;;) {
    kids[0] = launch(a);
    while (waitpid(kids[0], NULL, 0) < 0)
      if (errno != EINTR) die("waitpid");
  }
}

/* orphans COUNT: makes them and ends with 7. */
static int orphans(long count) {
  for (long i = 0; i < count; i++) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
      pid_t grandchild = fork();
      if (grandchild < 0) die("fork");
      _exit(0);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) die("waitpid");
  }
  return 7;
}

/* init COMMAND...: a bare waitpid loop around a command; ends as the command does. */
static int init(char **a) {
  pid_t main = launch(a), pid;
  int status;
  while ((pid = waitpid(-1, &status, 0)) > 0)
    if (pid == main) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return 99;
}

/* gate FIFO TASK...: waits until somebody has opened the other end, so that many begin
 * together; then it is as if it had been called with the rest. */
static void gate(const char *fifo) {
  int fd = open(fifo, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(fifo);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc > 3 && !strcmp(argv[1], "gate")) {
    gate(argv[2]);
    argc -= 2;
    argv += 2;
  }
  char **a = argv + 2;
  /* A first line "#!limit TASK:FILE" gives both as one word. */
  char *colon = argc > 1 ? strchr(argv[1], ':') : NULL;
  if (colon) {
    *colon = 0;
    argv[2] = colon + 1;
  } else if (argc < 3) {
    fprintf(stderr, "usage: limit TASK ARGUMENTS\n");
    return 2;
  }
  if (!strcmp(argv[1], "alive")) alive(a[0]);
  if (!strcmp(argv[1], "write") && argc >= 6) return writer(a);
  if (!strcmp(argv[1], "tick") && argc >= 4) return tick(a);
  if (!strcmp(argv[1], "copy")) return copy(a[0]);
  if (!strcmp(argv[1], "share") && argc >= 5) return share(a);
  if (!strcmp(argv[1], "spawn") && argc >= 4) spawn(a);
  if (!strcmp(argv[1], "turns") && argc >= 4) turns(a);
  if (!strcmp(argv[1], "respawn")) respawn(a);
  if (!strcmp(argv[1], "orphans")) return orphans(atol(a[0]));
  if (!strcmp(argv[1], "init")) return init(a);
  fprintf(stderr, "limit: no such task: %s\n", argv[1]);
  return 2;
}
