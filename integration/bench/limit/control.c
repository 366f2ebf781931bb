/* Clients of a control socket, and a server that is the limit for them. The clients
 * share the machine with the server that they measure, so they do as little as can
 * be: a write and a read for each request, and a look at the answer. A first word
 * says which. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 22, ROOM = 16 << 20 }; /* answers, bytes of one of them */

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(99);
}

static void wrong(const char *what, const char *answer, size_t n) {
  fprintf(stderr, "%s: %.*s\n", what, (int)(n < 200 ? n : 200), answer);
  exit(98);
}

static int unixsocket(const char *path, struct sockaddr_un *addr) {
  memset(addr, 0, sizeof *addr);
  addr->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof addr->sun_path) die(path);
  strcpy(addr->sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  return fd;
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

/* input reads standard input to its end. */
static char *input(size_t *n) {
  char *buf = malloc(MOST);
  if (!buf) die("malloc");
  ssize_t r;
  for (*n = 0; *n < MOST && (r = read(0, buf + *n, MOST - *n)) != 0; *n += r)
    if (r < 0) die("stdin");
  return buf;
}

/* client is a connection with one request under way. */
struct client {
  int fd; /* -1: there is no connection */
  char *buf;
  size_t n;
  int64_t from; /* when the request was begun */
};

/* line tells whether an answer that is one line is whole. */
static int line(struct client *c) {
  char *end = memchr(c->buf, '\n', c->n);
  if (end && end != c->buf + c->n - 1) wrong("more than a line", c->buf, c->n);
  return end != NULL;
}

/* http tells whether an answer of HTTP, whose length must be told, is whole, and
 * whether the connection ends with it. */
static int http(struct client *c, int *last) {
  c->buf[c->n] = 0;
  char *body = strstr(c->buf, "\r\n\r\n"), *length = NULL;
  if (!body) return 0;
  int closes = 0, stays = 0;
  for (char *at = memchr(c->buf, '\n', c->n) + 1; at < body; at = memchr(at, '\n', body + 2 - at) + 1) {
    if ((*at | ' ') != 'c') continue; /* strcasestr would look at every byte */
    if (!strncasecmp(at, "Content-Length:", 15)) length = at + 15;
    closes |= !strncasecmp(at, "Connection: close\r\n", 19);
    stays |= !strncasecmp(at, "Connection: keep-alive\r\n", 24);
  }
  if (strncmp(c->buf, "HTTP/1.", 7) || strncmp(c->buf + 8, " 200 ", 5) || !length) wrong("no success, or no length", c->buf, c->n);
  size_t all = body + 4 - c->buf + strtoul(length, NULL, 10);
  *last = c->buf[7] == '0' ? !stays : closes;
  if (c->n > all) wrong("more than was told", c->buf, c->n);
  return c->n == all;
}

/* job is what all clients do. */
struct job {
  const char *path, *want, *request;
  size_t len;
  int poll; /* where several connections are waited for; -1: there is one */
};

/* begin sends a request, on a new connection if need be. */
static void begin(struct client *c, const struct job *j) {
  c->n = 0;
  c->from = now();
  if (c->fd < 0) {
    struct sockaddr_un addr;
    c->fd = unixsocket(j->path, &addr);
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) < 0) die(j->path);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (j->poll >= 0 && epoll_ctl(j->poll, EPOLL_CTL_ADD, c->fd, &e) < 0) die("epoll");
  }
  writeall(c->fd, j->request, j->len);
}

/* receive reads what has come and tells whether the answer is whole and right. */
static int receive(struct client *c, const struct job *j) {
  ssize_t r;
  int last = 0;
  if (c->n == ROOM) wrong("too long", c->buf, c->n);
  do r = read(c->fd, c->buf + c->n, ROOM - c->n);
  while (r < 0 && errno == EINTR);
  if (r < 0) die("read");
  if (r == 0) wrong("cut off", c->buf, c->n);
  c->n += r;
  if (!(*j->request == '{' ? line(c) : http(c, &last))) return 0;
  if (!memmem(c->buf, c->n, j->want, strlen(j->want))) wrong("another answer", c->buf, c->n);
  if (last) {
    close(c->fd);
    c->fd = -1;
  }
  return 1;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* ask SOCKET CLIENTS MILLISECONDS WANT: so many clients send what stands in standard
 * input again and again, each when it has the answer, and want each answer to hold
 * WANT. Says how many answers there were in a second, and how many nanoseconds one
 * in a hundred took at least. */
static int ask(char **a) {
  struct job j = {.path = a[0], .want = a[3], .poll = -1};
  long count = atol(a[1]), n = 0, open;
  char *request = input(&j.len);
  j.request = request;
  int64_t *took = malloc(MOST * sizeof *took);
  struct client *all = calloc(count, sizeof *all);
  if (count < 1 || j.len == 0 || !took || !all) die("nothing to ask");
  if (count > 1 && (j.poll = epoll_create1(EPOLL_CLOEXEC)) < 0) die("epoll");
  int64_t start = now(), end = start + atol(a[2]) * 1000000LL, to = start;
  for (open = 0; open < count; open++) {
    all[open].fd = -1;
    if (!(all[open].buf = malloc(ROOM + 1))) die("malloc");
    begin(&all[open], &j);
  }
  while (open > 0) {
    struct epoll_event ready[64] = {{.data.ptr = all}};
    int some = count > 1 ? epoll_wait(j.poll, ready, 64, -1) : 1;
    for (int i = 0; i < some; i++) {
      struct client *c = ready[i].data.ptr;
      if (!receive(c, &j)) continue;
      to = now();
      took[n++] = to - c->from;
      if (to < end && n < MOST - count) begin(c, &j);
      else open--;
    }
  }
  qsort(took, n, sizeof *took, ascending);
  printf("%.3f %lld\n", n * 1e9 / (to - start), (long long)took[n * 99 / 100]);
  return 0;
}

/* answer SOCKET: gives what stands in standard input as the answer to each line. It
 * ends with a signal. */
static _Noreturn void answer(char **a) {
  struct sockaddr_un addr;
  size_t len;
  char *reply = input(&len), buf[4096];
  int l = unixsocket(a[0], &addr), poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = l}, ready[64];
  if (bind(l, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(l, 128) < 0) die(a[0]);
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, l, &e) < 0) die("epoll");
  for (;;) {
    int some = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < some; i++) {
      if (ready[i].data.fd == l) {
        if ((e.data.fd = accept(l, NULL, NULL)) < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, e.data.fd, &e) < 0) die("accept");
        continue;
      }
      ssize_t n = read(ready[i].data.fd, buf, sizeof buf);
      if (n <= 0) close(ready[i].data.fd);
      for (ssize_t at = 0; at < n; at++)
        if (buf[at] == '\n') writeall(ready[i].data.fd, reply, len);
    }
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 6 && !strcmp(argv[1], "ask")) return ask(argv + 2);
  if (argc == 3 && !strcmp(argv[1], "answer")) answer(argv + 2);
  fprintf(stderr, "usage: control ask SOCKET CLIENTS MILLISECONDS WANT | control answer SOCKET\n");
  return 2;
}
