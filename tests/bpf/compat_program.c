/*
 * A 32-bit program without a C library: one mmap2, one old mmap, five opens of which the last fails.
 * Built with -m32, so that it runs as a whole where the exactness of 32-bit callers is tested.
 */
static int call(int number, int a, int b, int c, int d, int e) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}

static const unsigned long long how[3];

void _start(void) {
  const char *present = "/dev/null";
  call(192, 0, 4096, 1, 0x22, -1);                       /* mmap2: read, private, anonymous */
  call(90, 0, 0, 0, 0, 0);                               /* old mmap */
  call(5, (int)present, 0, 0, 0, 0);                     /* open */
  call(8, (int)present, 0600, 0, 0, 0);                  /* creat */
  call(295, -100, (int)present, 0, 0, 0);                /* openat */
  call(437, -100, (int)present, (int)how, sizeof how, 0); /* openat2 */
  call(5, (int)"/nonexistent/x", 0, 0, 0, 0);            /* open */
  call(252, 0, 0, 0, 0, 0);                              /* exit_group */
}
