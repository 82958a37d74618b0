// The same as amd64.s, which says what it does. Linux, AArch64.
.text
file:
  .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0   // 64 bits, little endian
  .quad 0
  .short 2, 183                           // executable, AArch64
  .long 1
  .quad start
  .quad programs - file
  .quad 0
  .long 0
  .short 64, 56, 2, 0, 0, 0
programs:
  .long 1, 5                              // load, readable and executable
  .quad 0, file, file, end - file, end - file, 0x10000
  .long 0x6474e551, 6                     // a stack that is not executable
  .quad 0, 0, 0, 0, 0, 16
start:
  ldr x0, [sp]                            // the number of arguments, our own name included
  cmp x0, 2
  b.ge write_itself

  mov x0, 0                               // block SIGINT and SIGTERM
  adr x1, signals
  mov x2, 0
  mov x3, 8
  mov x8, 135                             // rt_sigprocmask
  svc 0
wait:
  adr x0, signals
  mov x1, 0
  mov x2, 0
  mov x3, 8
  mov x8, 137                             // rt_sigtimedwait, without a time
  svc 0
  cmp x0, 0
  b.le wait
  mov x0, 0
  b exit

write_itself:
  mov x0, -100                            // relative paths start at the working directory
  ldr x1, [sp, 16]                        // the first argument
  mov x2, 0x241                           // write, create, truncate
  mov x3, 0755
  mov x8, 56                              // openat
  svc 0
  adr x1, file
  mov x2, end - file
  mov x8, 64                              // write; a file that did not open fails here
  svc 0
  mov x1, x0
  mov x0, 1
  cmp x1, end - file
  b.ne exit
  mov x0, 0
exit:
  mov x8, 93
  svc 0
.balign 8
signals:
  .quad 0x4002                            // bits 1 and 14: SIGINT (2), SIGTERM (15)
end:
