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
  mov x19, sp                             // the number of arguments, then they themselves, then 0
  ldr x0, [x19]
  cmp x0, 3
  b.lt fail
  mov x0, 0
  mov x8, 166                             // umask
  svc 0
  adr x1, root
  mov x2, 0x4000                          // O_DIRECTORY
  bl open
  mov x20, x0                             // x20: where files come from
  ldr x1, [x19, 16]
  mov x2, 0x4000
  bl open
  mov x21, x0                             // x21: where they go
  add x19, x19, 16
next_list:
  ldr x1, [x19, 8]!
  cbz x1, done
  mov x2, 0
  bl open
  mov x22, x0
  mov x1, 0
  mov x2, 2                               // to the end
  mov x8, 62                              // lseek
  svc 0
  cmp x0, 0
  b.lt fail
  b.eq next_list
  mov x23, x0
  mov x1, x0
  mov x0, 0
  mov x2, 1                               // to be read
  mov x3, 2                               // for us alone
  mov x4, x22
  mov x5, 0
  mov x8, 222                             // mmap
  svc 0
  cmp x0, 0
  b.lt fail
  mov x24, x0                             // x24: the entry that is next
  add x23, x23, x0                        // x23: the end of the list
next_entry:
  cmp x24, x23
  b.hs next_list
  ldrb w9, [x24], 1
  cmp w9, 'd'
  b.eq folder
  cmp w9, 'l'
  b.eq link
  mov x3, 0644
  cmp w9, 'f'
  b.eq copy
  mov x3, 0755
  cmp w9, 'x'
  b.ne fail

copy:
  mov x0, x21
  mov x1, x24
  mov x2, 0x241                           // write, create, truncate
  orr x2, x2, 0x8000                      // not through a link
  mov x8, 56                              // openat
  svc 0
  cmp x0, 0
  b.lt fail
  mov x22, x0
  mov x0, x20
  mov x1, x24
  mov x2, 0
  mov x8, 56
  svc 0
  cmp x0, 0
  b.lt fail
  mov x25, x0
more:
  mov x0, x22
  mov x1, x25
  mov x2, 0
  mov x3, 0x40000000
  mov x8, 71                              // sendfile
  svc 0
  cmp x0, 0
  b.lt fail
  b.gt more
  mov x0, x25
  mov x8, 57                              // close
  svc 0
  mov x0, x22
  mov x8, 57
  svc 0
  bl skip
  b next_entry

folder:
  mov x0, x21
  mov x1, x24
  mov x2, 0755
  mov x8, 34                              // mkdirat
  svc 0
  bl allow_existing
  bl skip
  b next_entry

link:
  mov x26, x24
  bl skip
  mov x0, x24
  mov x1, x21
  mov x2, x26
  mov x8, 36                              // symlinkat
  svc 0
  bl allow_existing
  bl skip
  b next_entry

open:
  mov x0, -100                            // relative paths start at the working directory
  mov x3, 0
  mov x8, 56                              // openat
  svc 0
  cmp x0, 0
  b.lt fail
  ret

allow_existing:
  cmn x0, 17
  b.eq allowed
  cmp x0, 0
  b.lt fail
allowed:
  ret

skip:
  ldrb w9, [x24], 1
  cbnz w9, skip
  ret

done:
  mov x0, 0
  b exit
fail:
  mov x0, 1
exit:
  mov x8, 93
  svc 0
root:
  .asciz "/"
.balign 8
end:
