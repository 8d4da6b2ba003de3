/* Ends at once, without a C library: an exec of it is quick and has no page faults or calls to spare. */
void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" ::"a"(60L), "D"(0L));
#else
#error "Add this architecture's exit"
#endif
}
